"""Drop features that are not worth their column: those equal for all users, or nearly equal to a simpler feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MISSING = 0.95
ALIKE = 0.98


@dataclass(frozen=True)
class PruneResult:
    """The columns that stay, in their order, and why each other one was dropped, in words."""

    kept: tuple[str, ...]
    dropped: Mapping[str, str]


def prune(values: pd.DataFrame) -> PruneResult:
    """Drop what is missing almost everywhere, constant, or (nearly) the same as a column to its left.

    `values` holds one row a user and one numeric column a feature, the simplest first: of two that say the same, the
    simpler stays. Two are nearly the same where they are known of the same users (but for 2 %) and |correlation| > .98.
    """
    import numpy as np

    matrix = values.to_numpy(dtype=float, na_value=float("nan"))
    known = ~np.isnan(matrix)
    dropped: dict[str, str] = {}
    kept: list[int] = []
    scaled = _standardise(matrix, known)
    for number, column in enumerate(map(str, values.columns)):
        reason = _empty(matrix[:, number], known[:, number]) or _same(number, kept, matrix, known, scaled, values)
        if reason:
            dropped[column] = reason
        else:
            kept.append(number)
    return PruneResult(tuple(str(values.columns[number]) for number in kept), dropped)


def _empty(column: np.ndarray, known: np.ndarray) -> str | None:
    missing = 1.0 - known.mean() if len(known) else 1.0
    if missing > MISSING:
        return f"missing for {missing:.0%} of users"
    found = column[known]
    return "the same for every user" if (found == found[0]).all() else None


def _standardise(matrix: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Scale columns to mean 0 and length 1, 0 where unknown: the product of two is their correlation."""
    import numpy as np

    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, matrix, 0.0)
    centred = np.where(known, filled - filled.sum(axis=0) / count, 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    return centred / np.where(length > 0, length, 1.0)


def _same(
    number: int, kept: list[int], matrix: np.ndarray, known: np.ndarray, scaled: np.ndarray, values: pd.DataFrame
) -> str | None:
    """Return the simpler column that says the same, and how. Nulls count as the mean in the correlation."""
    import numpy as np

    if not kept:
        return None
    correlations = np.abs(scaled[:, kept].T @ scaled[:, number])
    for position in np.flatnonzero(correlations > ALIKE).tolist():
        other = kept[position]
        if (known[:, other] == known[:, number]).mean() < ALIKE:
            continue
        if np.array_equal(matrix[:, other], matrix[:, number], equal_nan=True):
            return f"equal to {values.columns[other]}"
        return f"moves with {values.columns[other]} (correlation {correlations[position]:.3f})"
    return None
