"""How much groups tell of a number: the share of its variance that lies between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def eta_squared(value: np.ndarray, group: np.ndarray) -> float:
    """From 0 (the groups, numbered from 0, tell nothing) to 1 (they tell all); 0 where nothing varies."""
    import numpy as np

    centred = value - value.mean()
    total = float(centred @ centred)
    if total == 0.0:
        return 0.0
    sums, sizes = np.bincount(group, centred), np.bincount(group)
    return float((sums**2 / np.maximum(sizes, 1)).sum() / total)
