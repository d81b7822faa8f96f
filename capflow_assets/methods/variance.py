"""Eta squared: the share of a variable's variance that lies between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def eta_squared(value: np.ndarray, group: np.ndarray) -> float:
    """Return 0 (groups, numbered from 0, explain nothing) to 1 (they explain all); 0 without variance."""
    import numpy as np

    centred = value - value.mean()
    total = float(centred @ centred)
    if total == 0.0:
        return 0.0
    sums, sizes = np.bincount(group, centred), np.bincount(group)
    return float((sums**2 / np.maximum(sizes, 1)).sum() / total)
