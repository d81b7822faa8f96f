"""What a learner is: it turns rows into bytes, and bytes and rows into raw scores and what each column adds to them."""

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
    """What to learn from: `matrix` is rows x columns (NaN: not known), `target` a number a row."""

    matrix: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(self.matrix[rows], self.target[rows])


class Learner(Protocol):
    """One family of models."""

    @property
    def name(self) -> str:
        """How it is called in parameters and facts."""

    @property
    def file(self) -> str:
        """The name of the file that its bytes are kept in."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What it can be fitted to."""

    def fit(self, rows: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int) -> bytes:
        """The fitted model. Rows must come in canonical order: the same rows and seed give the same bytes."""

    def raw(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """The raw score of each row."""

    def pushes(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """What each column adds to the raw score, rows x (columns + 1); the last is what every row starts from."""


def canonicalise(rows: Rows) -> Rows:
    """The rows in their canonical order."""
    return rows.take(canonical_order(rows))


def canonical_order(rows: Rows) -> np.ndarray:
    """An order of rows that depends on their contents only, so that ids and row order change nothing learned."""
    import numpy as np

    return np.lexsort([*rows.matrix.T[::-1], rows.target])


def stack(parts: Sequence[Rows]) -> Rows:
    """All rows under one another, in canonical order."""
    import numpy as np

    whole = Rows(np.concatenate([part.matrix for part in parts]), np.concatenate([part.target for part in parts]))
    return canonicalise(whole)
