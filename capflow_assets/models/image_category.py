"""image_category: which of the retailer's own labels a picture shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods import labelled_vectors, linear_classifier
from capflow_assets.methods.linear_classifier import LinearClassifier
from capflow_assets.models.base import Artefact, Model, Needs, Promotion, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame

if TYPE_CHECKING:
    import ibis
    import pandas as pd

VECTORS = "features/media_image"


class ImageCategory(Model):
    """The label of every picture that has a vector, with the probability that it is the right one.

    Pictures of one item are either learned from or judged on, never both.
    """

    name = "image_category"
    title = "What a picture shows"
    description = "Which of the retailer's own labels each picture shows, learned from those that have one."
    family = "content"
    method = "multinomial logistic regression on image embeddings (a linear probe: Alain & Bengio 2016)"
    task: ClassVar[Task] = "choice"
    unit = ("media_id",)
    learns_from = "labels"
    tables = ("media",)
    features = ("media_image",)
    needs = Needs(users=0, bills=0, history_days=0, images=100)
    metric = "accuracy"
    baseline_name = "the most frequent label"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"most_pictures": 20_000}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: what each labelled picture with a vector shows."""
        known, _ = labelled_vectors.vectors(snapshot.tables[VECTORS])
        return labelled_vectors.labelled(window["media"], "image", known)

    def held_out(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """A fifth of the items by lot, with all their pictures."""
        import pandas as pd

        known, _ = labelled_vectors.vectors(snapshot.tables[VECTORS])
        item = labelled_vectors.groups(known, "item_id").reindex(outcome["media_id"])
        return pd.Series(labelled_vectors.whole_groups(item), index=outcome.index)

    def fit(self, train: Sequence[Snapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Learn the labels from the newest snapshot's vectors; the penalty by folds of whole items."""
        newest = max(train, key=lambda snapshot: snapshot.as_of)
        known, matrix, label = labelled_vectors.learned_from(newest, VECTORS, self.name)
        item = labelled_vectors.groups(known, "item_id")
        fitted, penalty = linear_classifier.fit(matrix, label, item.tolist(), parameters["most_pictures"], seed)
        facts = {"pictures": len(label), "dimensions": fitted.dimensions, "penalty": penalty}
        return Artefact(files=fitted.to_files(), facts=facts)

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """`label` and its probability (`score`) for every picture with a vector."""
        known, matrix = labelled_vectors.vectors(snapshot.tables[VECTORS])
        fitted = LinearClassifier.from_files(artefact.files)
        found = labelled_vectors.probabilities(fitted, matrix, f"{self.name} of {snapshot.customer!r}")
        return prediction_frame(
            self,
            {
                "media_id": known["media_id"],
                "label": [fitted.labels[place] for place in found.argmax(axis=1)],
                "score": found.max(axis=1),
                "reasons": labelled_vectors.reasons(found, fitted.labels, "looks"),
            },
        )

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The label that most pictures have in training, for every picture."""
        known, _ = labelled_vectors.vectors(snapshot.tables[VECTORS])
        label, share = labelled_vectors.most_frequent(train)
        return prediction_frame(
            self, {"media_id": known["media_id"], "label": [label] * len(known), "score": [share] * len(known)}
        )
