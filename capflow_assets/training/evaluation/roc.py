"""The area under the ROC curve and its DeLong variance, in O(n log n).

Sources: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3); the fast algorithm of Sun & Xu (2014), IEEE Signal
Processing Letters 21(11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Return the probability that a positive (label 1) is scored above a negative, ties counting half."""
    return float(delong(label, score)[0][0])


def delong(label: np.ndarray, *scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas of one or more scores on the same rows, and the covariance matrix of the areas.

    Raises ValueError if all labels are the same: then no area is defined.
    """
    import numpy as np
    from scipy.stats import rankdata

    positive = np.asarray(label) == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        raise ValueError(f"auc needs users of both classes; the outcome has {m:,} with label 1 and {n:,} with label 0.")
    areas, above, below = [], [], []
    for score in scores:
        among_all = rankdata(score)
        wins = (among_all[positive] - rankdata(score[positive])) / n
        losses = 1.0 - (among_all[~positive] - rankdata(score[~positive])) / m
        areas.append(float(wins.mean()))
        above.append(wins)
        below.append(losses)
    return np.array(areas), _covariance(np.array(above)) / m + _covariance(np.array(below)) / n


def _covariance(rows: np.ndarray) -> np.ndarray:
    import numpy as np

    if rows.shape[1] < 2:
        return np.zeros((len(rows), len(rows)))
    return np.atleast_2d(np.cov(rows))
