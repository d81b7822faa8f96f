"""Multinomial logistic regression on standardised vectors (Bishop 2006, section 4.3.4).

How strongly weights are held back is the strength that told most on folds of whole groups (the pictures of one item,
the recordings of one speaker), so that it is not chosen by things that the weights have seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FOLDS = 3
PENALTIES = (0.001, 0.01, 0.1, 1.0)  # sklearn's C, the strictest first: of equally good ones the first is taken
USUAL_PENALTY = 0.1


@dataclass(frozen=True)
class LinearClassifier:
    """The mean and spread of each number of a vector, and a column of weights and an intercept per label."""

    labels: tuple[str, ...]
    mean: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray

    @property
    def dimensions(self) -> int:
        """The length of the vectors that it takes."""
        return len(self.mean)

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Return vectors x labels."""
        from scipy.special import softmax

        found: np.ndarray = softmax(((matrix - self.mean) / self.spread) @ self.weights + self.intercept, axis=1)
        return found

    def to_files(self) -> dict[str, bytes]:
        """Return the labels as JSON and the numbers as an .npz that loads without pickle."""
        import numpy as np

        numbers = BytesIO()
        np.savez(numbers, mean=self.mean, spread=self.spread, weights=self.weights, intercept=self.intercept)
        return {"labels.json": json.dumps(self.labels).encode(), "weights.npz": numbers.getvalue()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LinearClassifier:
        """Load what `to_files` wrote."""
        import numpy as np

        with np.load(BytesIO(files["weights.npz"]), allow_pickle=False) as arrays:
            numbers = {name: arrays[name] for name in arrays.files}
        return cls(tuple(json.loads(files["labels.json"])), **numbers)


def fit(
    matrix: np.ndarray, labels: Sequence[str], groups: Sequence[str], most: int, seed: int
) -> tuple[LinearClassifier, float]:
    """Fit on vectors (a random sample of at most `most`); return the chosen penalty too. Row order changes nothing.

    ValueError for less than two labels.
    """
    import numpy as np
    import pandas as pd

    names, kinds = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"two labels are needed to tell vectors apart; there {'is' if len(names) else 'are'} {names}")
    vectors = np.asarray(matrix, dtype="float64")
    order = np.lexsort([*vectors.T[::-1], kinds])
    if len(order) > most:
        order = order[np.sort(np.random.default_rng(seed).choice(len(order), most, replace=False))]
    vectors, kinds = vectors[order], kinds[order]
    group = pd.factorize(np.asarray(groups, dtype=object)[order])[0]  # numbered as they come: names change nothing
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard = (vectors - mean) / spread
    penalty = _by_folds(standard, kinds, group, seed)
    seen, weights, intercept = _fit_weights(standard, kinds, penalty)
    return LinearClassifier(tuple(str(names[kind]) for kind in seen), mean, spread, weights, intercept), penalty


def _fit_weights(standard: np.ndarray, kinds: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit; return the labels that occur, the weights (a column each) and the intercepts."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=penalty, max_iter=1000).fit(standard, kinds)
    weights, intercept = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # sklearn then gives the weights of the second one alone
        weights = np.column_stack([np.zeros(len(weights)), weights[:, 0]])
        intercept = np.array([0.0, intercept[0]])
    return model.classes_, weights, intercept


def folds(group: np.ndarray, seed: int) -> np.ndarray:
    """Return a random fold per row; rows of one group (numbered from 0) share it."""
    import numpy as np

    drawn: np.ndarray = np.random.default_rng(seed).permutation(group.max() + 1) % FOLDS
    return drawn[group]


def _by_folds(standard: np.ndarray, kinds: np.ndarray, group: np.ndarray, seed: int) -> float:
    import numpy as np

    fold = folds(group, seed)
    parts = [fold != k for k in range(FOLDS)]
    if any(len(np.unique(kinds[part])) < 2 or part.all() for part in parts):
        return USUAL_PENALTY
    told = []
    for penalty in PENALTIES:
        right = 0
        for part in parts:
            seen, weights, intercept = _fit_weights(standard[part], kinds[part], penalty)
            right += int((seen[(standard[~part] @ weights + intercept).argmax(axis=1)] == kinds[~part]).sum())
        told.append(right)
    return PENALTIES[int(np.argmax(told))]
