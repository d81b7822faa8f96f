"""The contract of a learner: from rows to bytes, and from bytes and rows to raw scores and contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

Objective = Literal["binary", "mae", "tweedie", "mean"]
"""binary: raw scores are log-odds; mae: values, of which the median is fitted; tweedie: logarithms of mean values;
mean: values, of which the mean is fitted by least squares, so that what columns add is in the unit of the target."""


@dataclass(frozen=True)
class Rows:
    """Training rows: `matrix` is rows x columns (NaN: unknown), `target` one number per row."""

    matrix: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: np.ndarray) -> Rows:
        """Return some of the rows."""
        return Rows(self.matrix[rows], self.target[rows])


class Learner(Protocol):
    """One model family."""

    @property
    def name(self) -> str:
        """Its name in parameters and facts."""

    @property
    def file(self) -> str:
        """The name of the file that holds its bytes."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives that it can be fitted to."""

    def fit(self, rows: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int) -> bytes:
        """Fit on rows in canonical order: the same rows and seed give the same bytes."""

    def raw(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Return the raw score of each row."""

    def contributions(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Return what each column adds to the raw score, rows x (columns + 1); the last is the base value."""


def canonicalise(rows: Rows) -> Rows:
    """Return the rows in canonical order."""
    return rows.take(canonical_order(rows))


def canonical_order(rows: Rows) -> np.ndarray:
    """Return an order that depends on the rows' contents only, so that ids and row order change nothing learned."""
    import numpy as np

    return np.lexsort([*rows.matrix.T[::-1], rows.target])


def stack(parts: Sequence[Rows]) -> Rows:
    """Stack all rows, in canonical order."""
    import numpy as np

    whole = Rows(np.concatenate([part.matrix for part in parts]), np.concatenate([part.target for part in parts]))
    return canonicalise(whole)
