"""image_category: classifies pictures by the retailer's own labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.model import Needs
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods.labels import labelled_vectors
from capflow_assets.models.bases.media_class import MediaClass

if TYPE_CHECKING:
    import pandas as pd


class ImageCategory(MediaClass):
    """Classify pictures. All pictures of an item are in training, or all in the holdout."""

    name = "image_category"
    title = "What a picture shows"
    description = "Assigns one of the retailer's own labels to each picture, learned from the pictures that have one."
    method = "multinomial logistic regression on image embeddings (a linear probe: Alain & Bengio 2016)"
    kind = "image"
    belongs_to = "item_id"
    verb = "looks"
    features = ("media_image",)
    needs = Needs(users=0, bills=0, history_days=0, images=100)

    def is_holdout(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """Hold out a random fifth of the items, with all their pictures."""
        import pandas as pd

        known, _ = labelled_vectors.read_vectors(snapshot.tables[self.vectors])
        item = labelled_vectors.group_of_media(known, self.belongs_to).reindex(outcome["media_id"])
        return pd.Series(labelled_vectors.hold_out_groups(item), index=outcome.index)
