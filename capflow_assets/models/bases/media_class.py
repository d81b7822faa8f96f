"""The base of models that classify pictures or recordings by the retailer's own labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.labels import labelled_vectors, linear_classifier
from capflow_assets.methods.labels.linear_classifier import LinearClassifier
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import pandas as pd


class MediaClass(Model):
    """Predict the label of every medium with a vector, and its probability.

    A subclass sets the `kind` of media, the feature set with their vectors, `belongs_to` (the column of the group: all
    media of one item or speaker are in training, or all in the holdout) and the `verb` for reasons.
    """

    kind: ClassVar[str]
    belongs_to: ClassVar[str]
    verb: ClassVar[str]
    family = "content"
    task: ClassVar[Task] = "choice"
    unit = ("media_id",)
    learns_from = "labels"
    tables = ("media",)
    metric = "accuracy"
    baseline_name = "the most frequent label"
    parameters: ClassVar[Mapping[str, Any]] = {"most_media": 20_000}

    @property
    def vectors(self) -> str:
        """The asset that holds the vectors."""
        return f"features/{self.features[0]}"

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `label` for each labelled medium with a vector."""
        known, _ = labelled_vectors.read_vectors(snapshot.tables[self.vectors])
        return labelled_vectors.read_labels(window["media"], self.kind, known)

    @abstractmethod
    def is_holdout(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """Return which media are held out: whole items, whole speakers."""

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on the vectors of the newest snapshot; choose the penalty by folds of whole items or speakers."""
        newest = max(train, key=lambda snapshot: snapshot.as_of)
        known, matrix, label = labelled_vectors.training_vectors(newest, self.vectors, self.name)
        group = labelled_vectors.group_of_media(known, self.belongs_to)
        fitted, penalty = linear_classifier.fit(matrix, label, group.tolist(), parameters["most_media"], seed)
        facts = {"media": len(label), "dimensions": fitted.dimensions, "penalty": penalty}
        return Artefact(files=fitted.to_files(), facts=facts)

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `label` and its probability (`score`) for every medium with a vector."""
        known, matrix = labelled_vectors.read_vectors(snapshot.tables[self.vectors])
        fitted = LinearClassifier.from_files(artefact.files)
        found = labelled_vectors.probabilities(fitted, matrix, f"{self.name} of {snapshot.customer!r}")
        return prediction_frame(
            self,
            {
                "media_id": known["media_id"],
                "label": [fitted.labels[place] for place in found.argmax(axis=1)],
                "score": found.max(axis=1),
                "reasons": labelled_vectors.reasons(found, fitted.labels, self.verb),
            },
        )

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the most frequent training label for every medium."""
        known, _ = labelled_vectors.read_vectors(snapshot.tables[self.vectors])
        label, share = labelled_vectors.most_frequent_label(train)
        return prediction_frame(
            self, {"media_id": known["media_id"], "label": [label] * len(known), "score": [share] * len(known)}
        )
