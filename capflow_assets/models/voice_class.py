"""voice_class: which of the retailer's own labels a recording is of, whoever speaks."""

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

VECTORS = "features/media_audio"
LEAST_SPEAKERS = 3


class VoiceClass(Model):
    """The label of every recording that has a vector, with the probability that it is the right one.

    It is judged on speakers that it has never heard, where there are three or more; recordings of nobody are learned
    from.
    """

    name = "voice_class"
    title = "What a recording says"
    description = "Which of the retailer's own labels each recording is of, learned from those that have one."
    family = "content"
    method = "multinomial logistic regression on audio embeddings (a linear probe: Alain & Bengio 2016)"
    task: ClassVar[Task] = "choice"
    unit = ("media_id",)
    learns_from = "labels"
    tables = ("media",)
    features = ("media_audio",)
    needs = Needs(users=0, bills=0, history_days=0, audio_seconds=60)
    metric = "accuracy"
    baseline_name = "the most frequent label"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"most_recordings": 20_000}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: what each labelled recording with a vector is of."""
        known, _ = labelled_vectors.vectors(snapshot.tables[VECTORS])
        return labelled_vectors.labelled(window["media"], "audio", known)

    def held_out(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """A fifth of the speakers by lot, one at least, with all that they said; of less than three, a fifth by lot."""
        import pandas as pd

        known, _ = labelled_vectors.vectors(snapshot.tables[VECTORS])
        speaker = known.set_index(known["media_id"].astype("str"))["user_id"].reindex(outcome["media_id"])
        if speaker.nunique() < LEAST_SPEAKERS:
            return super().held_out(snapshot, outcome)
        kept = pd.Series(False, index=outcome.index)
        kept[speaker.notna().to_numpy()] = labelled_vectors.whole_groups(speaker.dropna())
        return kept

    def fit(self, train: Sequence[Snapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Learn the labels from the newest snapshot's vectors; the penalty by folds of whole speakers."""
        newest = max(train, key=lambda snapshot: snapshot.as_of)
        known, matrix, label = labelled_vectors.learned_from(newest, VECTORS, self.name)
        speaker = labelled_vectors.groups(known, "user_id")
        fitted, penalty = linear_classifier.fit(matrix, label, speaker.tolist(), parameters["most_recordings"], seed)
        facts = {"recordings": len(label), "dimensions": fitted.dimensions, "penalty": penalty}
        return Artefact(files=fitted.to_files(), facts=facts)

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """`label` and its probability (`score`) for every recording with a vector."""
        known, matrix = labelled_vectors.vectors(snapshot.tables[VECTORS])
        fitted = LinearClassifier.from_files(artefact.files)
        found = labelled_vectors.probabilities(fitted, matrix, f"{self.name} of {snapshot.customer!r}")
        return prediction_frame(
            self,
            {
                "media_id": known["media_id"],
                "label": [fitted.labels[place] for place in found.argmax(axis=1)],
                "score": found.max(axis=1),
                "reasons": labelled_vectors.reasons(found, fitted.labels, "sounds"),
            },
        )

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The label that most recordings have in training, for every recording."""
        known, _ = labelled_vectors.vectors(snapshot.tables[VECTORS])
        label, share = labelled_vectors.most_frequent(train)
        return prediction_frame(
            self, {"media_id": known["media_id"], "label": [label] * len(known), "score": [share] * len(known)}
        )
