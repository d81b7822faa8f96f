"""Linear: logistic, ridge or median regression on scaled columns, stored as plain arrays.

Fitted by scikit-learn: probabilities by L2 and lbfgs,
means by ridge regression, the penalty by leave-one-out cross-validation (Golub, Heath & Wahba 1979).
Medians by least absolute deviations, as iteratively reweighted least squares (Schlossmacher 1973), of the logarithm
if no value is negative: the median of a logarithm is the logarithm of the median.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.ensemble.learners.base import Objective, Rows
from capflow_assets.methods.scaling import apply_scale, fit_scale

if TYPE_CHECKING:
    import numpy as np

STRENGTH = 0.1  # C of scikit-learn: the smaller, the stronger the penalty
ROUNDS = 300
RIDGE, STEPS = 1.0, 25  # of the medians: the penalty, and the number of reweighting steps
MOST_LOG = 30.0
PENALTIES = (0.0, 5.0, 11)  # ridge penalties to choose from: powers of ten, from, to, how many


@dataclass(frozen=True)
class Linear:
    """Log-odds, means, or (logarithms of) medians, as a sum over columns."""

    name: str = "linear"
    file: str = "linear.npz"
    objectives: tuple[Objective, ...] = ("binary", "mae", "mean")

    def fit(self, rows: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int) -> bytes:
        """Return an .npz that loads without pickle: the columns' scale, their weights, the intercept."""
        import numpy as np

        scale = fit_scale(rows.matrix)
        in_logs = objective == "mae" and rows.target.min() >= 0
        target = np.log1p(rows.target) if in_logs else rows.target
        solve = {"binary": _log_odds, "mae": _medians, "mean": _means}[objective]
        weights, start = solve(apply_scale(rows.matrix, scale), target)
        arrays: dict[str, Any] = {**scale, "weights": weights}
        arrays |= {"start": np.array([start]), "in_logs": np.array([float(in_logs)])}
        buffer = BytesIO()
        np.savez(buffer, **{name: np.round(values, 10) for name, values in arrays.items()})
        return buffer.getvalue()

    def raw(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Return log-odds, means or medians."""
        import numpy as np

        arrays = _load(content)
        found = apply_scale(matrix, arrays) @ arrays["weights"] + arrays["start"][0]
        return np.expm1(np.minimum(found, MOST_LOG)) if arrays["in_logs"][0] else found

    def contributions(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Return weight times the column's distance from its mean, with the rest last.

        If logarithms are fitted, each part is multiplied by the whole prediction, because there a part is a factor.
        """
        import numpy as np

        arrays = _load(content)
        parts = apply_scale(matrix, arrays) * arrays["weights"]
        columns = matrix.shape[1]
        parts_by_column = parts[:, :columns] + parts[:, columns:]
        whole = self.raw(content, matrix)
        if arrays["in_logs"][0]:
            parts_by_column = parts_by_column * (1.0 + whole)[:, None]
        return np.column_stack([parts_by_column, whole - parts_by_column.sum(axis=1)])


LINEAR = Linear()


def _log_odds(scaled: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of the weights do not matter
        fitted = LogisticRegression(C=STRENGTH, max_iter=ROUNDS).fit(scaled, target)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _means(scaled: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    import numpy as np
    from sklearn.linear_model import RidgeCV

    fitted = RidgeCV(alphas=np.logspace(*PENALTIES)).fit(scaled, target)
    return fitted.coef_, float(fitted.intercept_)


def _medians(scaled: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    import numpy as np

    design = np.column_stack([scaled, np.ones(len(target))])
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[-1, -1] = 0.0
    found = np.linalg.lstsq(design.T @ design + penalty, design.T @ target, rcond=None)[0]
    for _ in range(STEPS):
        missed = np.abs(target - design @ found)
        weight = 1.0 / np.maximum(missed, max(float(np.median(missed)), 1e-9) / 100)
        weight /= weight.mean()
        found = np.linalg.solve((design * weight[:, None]).T @ design + penalty, (design * weight[:, None]).T @ target)
    return found[:-1], float(found[-1])


def _load(content: bytes) -> dict[str, np.ndarray]:
    import numpy as np

    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
