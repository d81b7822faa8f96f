"""Dirichlet-multinomial: shares of a few events, shrunk towards everybody's shares.

Each person's shares are a draw from a Dirichlet distribution with mean `m` and strength `s`; what is seen of a person
are counts. The strength is the one under which everybody's counts are likeliest (Minka 2000, "Estimating a Dirichlet
distribution", the fixed mean of section 3; the Polya likelihood of equation 53).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEAST_STRENGTH, MOST_STRENGTH = 1e-2, 1e5


def log_likelihood(strength: float, mean: np.ndarray, counts: np.ndarray) -> float:
    """Return the log-likelihood of these counts (people x kinds), up to a constant in the strength."""
    import numpy as np
    from scipy.special import gammaln

    alpha = strength * mean
    seen = counts > 0
    each = gammaln(counts + alpha) - gammaln(np.broadcast_to(alpha, counts.shape))
    total = gammaln(strength) - gammaln(counts.sum(axis=1) + strength)
    return float(total.sum() + each[seen].sum())


def fit_strength(mean: np.ndarray, counts: np.ndarray) -> float:
    """Fit the strength, in counts, by maximum likelihood of `counts` (people x kinds) around `mean` (sums to 1).

    Cut to [0.01, 100,000]: with counts as alike as chance makes them there is no maximum. ValueError without a count,
    and for a kind that was seen though its mean is 0.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar

    if not counts.sum() or (counts[:, mean <= 0] > 0).any():
        raise ValueError("A Dirichlet distribution needs counts, and a mean above 0 for each kind that was counted.")
    mean, counts = mean[mean > 0], counts[:, mean > 0]
    counts = counts[np.lexsort(counts.T)]  # sums of floats depend on their order
    found = minimize_scalar(
        lambda logarithm: -log_likelihood(float(np.exp(logarithm)), mean, counts),
        bounds=(np.log(LEAST_STRENGTH), np.log(MOST_STRENGTH)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def posterior_shares(counts: np.ndarray, mean: np.ndarray, strength: float) -> np.ndarray:
    """Return the expected shares of each person (rows sum to 1): own counts plus `strength` times the mean."""
    return (counts + strength * mean) / (counts.sum(axis=1, keepdims=True) + strength)
