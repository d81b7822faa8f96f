"""Vectors of the small world's items: those of one taste are described alike, and one in six is not described."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = 16
SPREAD = 0.15  # how far the items of a taste lie apart, for each dimension
UNDESCRIBED = 6  # every so many items have no vector


def item_text(items: pd.DataFrame, seed: int) -> pd.DataFrame:
    """What features/item_text holds of these items: `item_id`, `md5` and `embedding` (float32, of length 1)."""
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng([seed, 11])
    taste, names = pd.factorize(items["category"].str.split(" > ").str[0])
    centres = chance.normal(size=(len(names), DIMENSIONS))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[taste] + chance.normal(scale=SPREAD, size=(len(items), DIMENSIONS))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")
    frame = pd.DataFrame({"item_id": items["item_id"], "md5": [f"{number:032x}" for number in range(len(items))]})
    described = np.arange(len(items)) % UNDESCRIBED != UNDESCRIBED - 1
    return frame.assign(embedding=list(vectors))[described].reset_index(drop=True)
