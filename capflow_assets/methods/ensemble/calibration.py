"""Platt calibration: from a score to a probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEAST_SLOPE = 0.05  # a positive slope keeps the order of the shoppers, whatever the calibration rows say
ROUNDS = 100


def fit_platt(raw: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Fit slope and intercept of sigmoid(slope * raw + intercept) to the labels.

    Newton's method on smoothed targets, so that separable scores do not run away.
    Source: Platt (1999), Probabilistic Outputs for SVMs; Lin, Lin & Weng (2007).
    """
    import numpy as np

    positives, negatives = float((label == 1).sum()), float((label != 1).sum())
    target = np.where(label == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([raw, np.ones(len(raw))])
    point = np.array([1.0, 0.0])
    loss = _loss(design @ point, target)
    for _ in range(ROUNDS):
        probability = sigmoid(design @ point)
        gradient = design.T @ (probability - target)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        share = 1.0
        while (moved := _loss(design @ (point - share * step), target)) > loss and share > 1e-8:
            share /= 2
        point, gained, loss = point - share * step, loss - moved, moved
        if gained < 1e-10:
            break
    return max(float(point[0]), LEAST_SLOPE), float(point[1])


def sigmoid(raw: np.ndarray) -> np.ndarray:
    """Return the probability of log-odds."""
    from scipy.special import expit

    return expit(raw)


def _loss(raw: np.ndarray, target: np.ndarray) -> float:
    import numpy as np

    return float((np.logaddexp(0.0, raw) - target * raw).sum())
