"""voice_class: classifies recordings by the retailer's own labels, whoever speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.model import Model, Needs
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods.labels import labelled_vectors
from capflow_assets.models.bases.media_class import MediaClass

if TYPE_CHECKING:
    import pandas as pd

LEAST_SPEAKERS = 3


class VoiceClass(MediaClass):
    """Classify recordings. With at least three speakers, it is evaluated on speakers not in the training data."""

    name = "voice_class"
    title = "What a recording says"
    description = (
        "Assigns one of the retailer's own labels to each recording, learned from the recordings that have one."
    )
    method = "multinomial logistic regression on audio embeddings (a linear probe: Alain & Bengio 2016)"
    kind = "audio"
    belongs_to = "user_id"
    verb = "sounds"
    features = ("media_audio",)
    needs = Needs(users=0, bills=0, history_days=0, audio_seconds=60)

    def is_holdout(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """Hold out a random fifth of the speakers (at least one) with all their recordings.

        With fewer than three speakers, hold out a random fifth of the recordings. Recordings without a speaker are for
        training.
        """
        import pandas as pd

        known, _ = labelled_vectors.read_vectors(snapshot.tables[self.vectors])
        speaker = known.set_index(known["media_id"].astype("str"))["user_id"].reindex(outcome["media_id"])
        if speaker.nunique() < LEAST_SPEAKERS:
            return Model.is_holdout(self, snapshot, outcome)
        kept = pd.Series(False, index=outcome.index)
        kept[speaker.notna().to_numpy()] = labelled_vectors.hold_out_groups(speaker.dropna())
        return kept
