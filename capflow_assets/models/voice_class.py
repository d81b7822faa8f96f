"""voice_class: which of the retailer's own labels a recording is of, whoever speaks."""

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
    """What each recording says. It is judged on speakers that it has never heard, where there are three or more."""

    name = "voice_class"
    title = "What a recording says"
    description = "Which of the retailer's own labels each recording is of, learned from those that have one."
    method = "multinomial logistic regression on audio embeddings (a linear probe: Alain & Bengio 2016)"
    kind = "audio"
    belongs_to = "user_id"
    verb = "sounds"
    features = ("media_audio",)
    needs = Needs(users=0, bills=0, history_days=0, audio_seconds=60)

    def is_holdout(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """A fifth of the speakers by lot, one at least, with all that they said; of less than three, a fifth by lot.

        Recordings of nobody are learned from.
        """
        import pandas as pd

        known, _ = labelled_vectors.read_vectors(snapshot.tables[self.vectors])
        speaker = known.set_index(known["media_id"].astype("str"))["user_id"].reindex(outcome["media_id"])
        if speaker.nunique() < LEAST_SPEAKERS:
            return Model.is_holdout(self, snapshot, outcome)
        kept = pd.Series(False, index=outcome.index)
        kept[speaker.notna().to_numpy()] = labelled_vectors.hold_out_groups(speaker.dropna())
        return kept
