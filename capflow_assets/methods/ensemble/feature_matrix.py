"""Users' features as a matrix to learn and to predict from, in canonical order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.methods.ensemble.learners import Rows, canonicalise

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot


def numeric_columns(features: pd.DataFrame) -> tuple[str, ...]:
    """Return the numeric and boolean columns of `features`, sorted by name."""
    numbers = features.select_dtypes(["number", "bool"]).columns
    return tuple(sorted(str(name) for name in numbers if name != "user_id"))


def feature_matrix(snapshot: Snapshot, users: pd.Series, columns: Sequence[str]) -> np.ndarray:
    """Return users x columns, NaN if unknown. Raises ValueError that names missing columns."""
    require_columns(snapshot, columns)
    known = snapshot.features.set_index("user_id")[list(columns)].reindex(users)
    return known.to_numpy(dtype="float64", na_value=float("nan"))


def require_columns(snapshot: Snapshot, columns: Sequence[str]) -> None:
    """Raise ValueError, naming them, if features that a model was fitted on are missing."""
    missing = sorted(set(columns) - set(snapshot.features.columns))
    if missing:
        raise ValueError(
            f"The model of {snapshot.customer!r} was fitted on features that are not there any more: "
            f"{', '.join(missing)}.\nTrain it again, or bring back the feature sets that it was fitted on."
        )


def training_matrix(
    train: Sequence[LabelledSnapshot], columns: Sequence[str], truth: str = "label"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of all users in the outcomes, over all training dates, and their outcome.

    Sorted by their contents, so that neither ids nor the order of rows can change what is learned from them.
    ValueError when there are no rows or when the same came true of all.
    """
    import numpy as np

    matrices, truths = [], []
    for snapshot in train:
        matrices.append(feature_matrix(snapshot, snapshot.outcome["user_id"], columns))
        truths.append(snapshot.outcome[truth].to_numpy(dtype="float64"))
    matrix, came_true = np.concatenate(matrices), np.concatenate(truths)
    if len(np.unique(came_true)) < 2:
        raise ValueError(f"There is nothing to learn for {train[0].customer!r}: {len(came_true):,} rows, all alike.")
    rows = canonicalise(Rows(matrix, came_true))
    return rows.matrix, rows.target


@dataclass(frozen=True)
class StandardScale:
    """Standardisation: missing values become the median, then minus mean, over standard deviation."""

    median: list[float]
    mean: list[float]
    deviation: list[float]

    @classmethod
    def of(cls, matrix: np.ndarray) -> StandardScale:
        """Fit on rows x columns; a column without any value becomes 0."""
        import numpy as np

        median = [float(np.median(known)) if len(known := column[~np.isnan(column)]) else 0.0 for column in matrix.T]
        filled = np.where(np.isnan(matrix), median, matrix)
        return cls(median, filled.mean(axis=0).tolist(), filled.std(axis=0).tolist())

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Scale the rows, clipped at ten standard deviations."""
        import numpy as np

        filled = np.where(np.isnan(matrix), self.median, matrix)
        spread = np.maximum(np.asarray(self.deviation), 1e-9)
        return np.clip((filled - np.asarray(self.mean)) / spread, -10.0, 10.0)


def ablation_contributions(
    predict: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray, usual: Sequence[float]
) -> np.ndarray:
    """Return how much each feature moves each prediction from what it would be at the usual value: rows x columns.

    It needs predictions only, so it works for any method, at the price of one more prediction per column.
    Source: Robnik-Sikonja & Kononenko (2008), Explaining classifications for individual instances.
    """
    import numpy as np

    moved = np.zeros(matrix.shape)
    predictions = predict(matrix)
    for column, value in enumerate(usual):
        without = matrix.copy()
        without[:, column] = value
        moved[:, column] = predictions - predict(without)
    return moved
