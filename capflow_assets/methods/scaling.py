"""Scaling of columns, so that linear models and distances can use them together.

Each column is cut at its 1st and 99th percentile, a skewed one taken by its logarithm, then standardised; what is not
known is the mean, with a column of its own that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SKEWED = 2.0


def fit_scale(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Fit the scale of each column, as arrays with one number per column."""
    import numpy as np
    from scipy.stats import skew

    low, high, known = np.zeros(matrix.shape[1]), np.zeros(matrix.shape[1]), ~np.isnan(matrix)
    some = known.any(axis=0)
    low[some], high[some] = np.nanquantile(matrix[:, some], [0.01, 0.99], axis=0)
    cut = np.clip(matrix, low, high)
    skewed = np.zeros(matrix.shape[1])
    varied = some & (high > low)
    skewed[varied] = np.nan_to_num(skew(cut[:, varied], nan_policy="omit").astype(float)) > SKEWED
    shaped = np.where(skewed > 0, np.log1p(cut - low), cut)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, shaped, 0.0).sum(axis=0) / counts
    spread = np.sqrt(np.where(known, (shaped - mean) ** 2, 0.0).sum(axis=0) / counts)
    return {"low": low, "high": high, "skewed": skewed, "mean": mean, "spread": np.where(spread > 1e-9, spread, np.inf)}


def apply_scale(matrix: np.ndarray, scale: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return rows x twice the columns: standardised values, then whether each is missing."""
    import numpy as np

    cut = np.clip(matrix, scale["low"], scale["high"])
    shaped = np.where(scale["skewed"] > 0, np.log1p(cut - scale["low"]), cut)
    missing = np.isnan(matrix)
    return np.hstack([np.where(missing, 0.0, (shaped - scale["mean"]) / scale["spread"]), missing.astype(float)])
