"""Linear: logistic regression on columns brought to one scale, kept as plain arrays.

Each column is cut at its 1st and 99th percentile, a skewed one taken by its logarithm, then standardised; what is
not known is the mean, with a column of its own that says so. Fitted by scikit-learn (L2, lbfgs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.learners.base import Objective, Rows

if TYPE_CHECKING:
    import numpy as np

SKEWED = 2.0
STRENGTH = 0.1  # C of scikit-learn: the smaller, the more the weights are held back
ROUNDS = 300


@dataclass(frozen=True)
class Linear:
    """Log-odds as a sum over columns."""

    name: str = "linear"
    file: str = "linear.npz"
    objectives: tuple[Objective, ...] = ("binary",)

    def fit(self, rows: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int) -> bytes:
        """A .npz that loads without pickle: how columns are scaled, their weights, the start."""
        import warnings

        import numpy as np
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        scale = _scale(rows.matrix)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of the weights do not matter
            fitted = LogisticRegression(C=STRENGTH, max_iter=ROUNDS).fit(_scaled(rows.matrix, scale), rows.target)
        arrays = {**scale, "weights": fitted.coef_[0], "start": fitted.intercept_}
        buffer = BytesIO()
        np.savez(buffer, **{name: np.round(values, 10) for name, values in arrays.items()})
        return buffer.getvalue()

    def raw(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Log-odds."""
        arrays = _loaded(content)
        return _scaled(matrix, arrays) @ arrays["weights"] + arrays["start"][0]

    def pushes(self, content: bytes, matrix: np.ndarray) -> np.ndarray:
        """Weight times how far the column lies from its mean, with the start last."""
        import numpy as np

        arrays = _loaded(content)
        parts = _scaled(matrix, arrays) * arrays["weights"]
        columns = matrix.shape[1]
        start = np.full((len(matrix), 1), arrays["start"][0])
        return np.hstack([parts[:, :columns] + parts[:, columns:], start])


LINEAR = Linear()


def _loaded(content: bytes) -> dict[str, np.ndarray]:
    import numpy as np

    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _scale(matrix: np.ndarray) -> dict[str, np.ndarray]:
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


def _scaled(matrix: np.ndarray, scale: Mapping[str, np.ndarray]) -> np.ndarray:
    """Rows x twice the columns: standardised values, then whether each is not known."""
    import numpy as np

    cut = np.clip(matrix, scale["low"], scale["high"])
    shaped = np.where(scale["skewed"] > 0, np.log1p(cut - scale["low"]), cut)
    missing = np.isnan(matrix)
    return np.hstack([np.where(missing, 0.0, (shaped - scale["mean"]) / scale["spread"]), missing.astype(float)])
