"""Drawing many weighted choices at once, each from a row of weights of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def choose(weights: np.ndarray, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One column for each entry of `rows`, with the chances given by that row of `weights` (rows x columns, >= 0).

    The rows' cumulative shares are laid end to end, so that one sorted search serves every draw.
    Raises ValueError for a row whose weights are all zero.
    """
    import numpy as np

    totals = weights.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        raise ValueError(f"no choice in row {int(np.argmin(totals))}: all its weights are zero.")
    shares = np.cumsum(weights, axis=1) / totals
    shares[:, -1] = 1.0
    ends = shares + np.arange(len(weights))[:, None]
    found = np.searchsorted(ends.ravel(), rows + random.random(len(rows)), side="right")
    columns = weights.shape[1]
    return np.clip(found - rows * columns, 0, columns - 1)
