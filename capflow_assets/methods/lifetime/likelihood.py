"""Maximum likelihood: one bounded search from several starts that reports when it does not converge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

GRADIENT_TOLERANCE = 1e-4

Objective = Callable[["np.ndarray"], "tuple[float, np.ndarray]"]


class ConvergenceError(ValueError):
    """The search found no maximum of a purchase model's likelihood in this data."""


def maximise(
    objective: Objective, starts: Sequence[np.ndarray], bounds: Sequence[tuple[float, float]], what: str
) -> np.ndarray:
    """Return the arguments with the highest mean log-likelihood that any start reaches.

    `objective` returns the mean log-likelihood and its gradient. Raises ConvergenceError, naming `what`, when no start
    ends where the gradient (but for parameters at a bound) is flat.
    """
    import numpy as np
    from scipy.optimize import minimize

    def downhill(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(point)
        return -value, -gradient

    low, high = np.array(bounds, dtype=float).T
    best, best_value, ends = None, np.inf, []
    for start in starts:
        result = minimize(
            downhill, start, jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-8},
        )  # fmt: skip
        gradient = np.where(
            ((result.x <= low) & (result.jac > 0)) | ((result.x >= high) & (result.jac < 0)), 0.0, result.jac
        )
        steepest = float(np.max(np.abs(gradient)))
        ends.append(f"{result.message} (steepest gradient {steepest:.2g})")
        if np.isfinite(result.fun) and steepest < GRADIENT_TOLERANCE and result.fun < best_value:
            best, best_value = result.x, float(result.fun)
    if best is None:
        raise ConvergenceError(
            f"{what} did not converge from {len(ends)} starts: {'; '.join(ends)}.\n"
            "Check the bills for users with impossible histories (resellers, test accounts), or leave this model out "
            "for the customer (models: in the customer's file)."
        )
    return best
