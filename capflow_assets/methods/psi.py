"""Population stability index (PSI): how far a distribution has moved from a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

# Siddiqi, "Credit Risk Scorecards" (2006): below .10 stable, from .25 a different population.
PSI_STABLE = 0.10
PSI_SHIFTED = 0.25


def psi(expected: ArrayLike, actual: ArrayLike, bins: int = 10) -> float:
    """Return the population stability index of `actual` against `expected`: 0 is no shift, .25 a large one.

    Bins are quantiles of `expected`; a value that fills several of them is a bin of its own, as are missing values.
    Half a row is added to each bin, so that an empty one gives a finite number. Under no drift it is about
    (bins - 1) x (1/n + 1/m) for n and m rows: below some 200 rows it says little.
    Source: Siddiqi, "Credit Risk Scorecards" (2006); Yurdakul (2018), Western Michigan University dissertation 3208.

    Raises ValueError when either side has no rows.
    """
    import numpy as np

    reference, current = (np.asarray(side, dtype=float).ravel() for side in (expected, actual))
    if not len(reference) or not len(current):
        raise ValueError(
            f"psi: {len(reference):,} expected and {len(current):,} actual values; both sides need at least one. "
            "Pass the scores of two batches that have users."
        )
    cuts = _cuts(reference[~np.isnan(reference)], bins)
    before, now = _shares(reference, cuts), _shares(current, cuts)
    return float(((now - before) * np.log(now / before)).sum())


def _cuts(values: np.ndarray, bins: int) -> np.ndarray:
    """Return the upper edges of all bins but the last: inner quantiles, and both sides of values that fill a bin."""
    import numpy as np

    if not len(values):
        return np.empty(0)
    quantiles = np.quantile(values, np.linspace(0, 1, bins + 1), method="inverted_cdf")
    found, times = np.unique(quantiles, return_counts=True)
    filling = found[times > 1]
    return np.unique(np.concatenate([quantiles[1:-1], filling, np.nextafter(filling, -np.inf)]))


def _shares(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    import numpy as np

    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(cuts, values[~missing], side="left"), minlength=len(cuts) + 1)
    smoothed = np.append(counts, missing.sum()) + 0.5
    return smoothed / smoothed.sum()
