"""Gamma-Gamma: expected spend per visit, from the few visits seen.

A shopper's spend on a visit varies as a gamma(p, nu) around their own mean; nu differs between shoppers as a
gamma(q, v). Spend is taken to be independent of how often the shopper comes.

Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value (brucehardie.com/notes/025).
Names here: `visits` is x, `mean_spend` is z-bar, one number a shopper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.methods.lifetime.likelihood import maximise

if TYPE_CHECKING:
    import numpy as np

_STARTS = ((5.0, 3.0, 1.0), (1.0, 2.0, 1.0), (2.0, 10.0, 5.0))  # p, q - 1, v over the mean spend
_BOUND = 9.0
_LEAST_Q = -3.0  # log(q - 1): the mean of the population, p v / (q - 1), has to exist


@dataclass(frozen=True)
class GammaGamma:
    """Fitted spend per visit: p within a shopper, q and v between shoppers."""

    p: float
    q: float
    v: float

    @property
    def mean(self) -> float:
        """The mean spend of a visit over all shoppers, in currency units."""
        return self.p * self.v / (self.q - 1.0)


def _each(spend: GammaGamma, visits: np.ndarray, mean_spend: np.ndarray) -> np.ndarray:
    import numpy as np
    from scipy.special import gammaln

    p, q, v = spend.p, spend.q, spend.v
    shape = p * visits
    total = visits * mean_spend
    return (
        gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v) + (shape - 1) * np.log(mean_spend)
        + shape * np.log(visits) - (shape + q) * np.log(total + v)
    )  # fmt: skip


def log_likelihood(spend: GammaGamma, visits: np.ndarray, mean_spend: np.ndarray) -> float:
    """Return the log-likelihood of these mean spends: equation 1a of the note, summed."""
    return float(_each(spend, visits, mean_spend).sum())


def _gradient(spend: GammaGamma, visits: np.ndarray, mean_spend: np.ndarray) -> np.ndarray:
    """Return derivatives of each shopper's log-likelihood by log p, log(q - 1) and log v (3 rows)."""
    import numpy as np
    from scipy.special import digamma

    p, q, v = spend.p, spend.q, spend.v
    shape, total = p * visits, visits * mean_spend
    rest = np.log(total + v)
    by_p = visits * (digamma(shape + q) - digamma(shape) + np.log(total) - rest)
    by_q = digamma(shape + q) - digamma(q) + np.log(v) - rest
    by_v = q / v - (shape + q) / (total + v)
    return np.vstack([p * by_p, (q - 1.0) * by_q, v * by_v])


def fit(visits: np.ndarray, mean_spend: np.ndarray) -> GammaGamma:
    """Fit the spend model to these shoppers' mean spends by maximum likelihood.

    Every shopper has at least one visit and a positive mean spend (currency units). Raises ValueError where not,
    ConvergenceError when there is no maximum.
    """
    import numpy as np

    x, z = np.asarray(visits, dtype=float), np.asarray(mean_spend, dtype=float)
    if not len(x) or not (np.isfinite(x).all() and np.isfinite(z).all()) or (x < 1).any() or (z <= 0).any():
        raise ValueError("Gamma-Gamma needs shoppers with at least one visit and a positive mean spend.")
    order = np.lexsort([z, x])
    x, z = x[order], z[order]
    scale = float(z.mean())
    z = z / scale

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        p, above, v = np.exp(logs)
        spend = GammaGamma(p, 1.0 + above, v)
        return float(_each(spend, x, z).mean()), _gradient(spend, x, z).mean(axis=1)

    bounds = [(-_BOUND, _BOUND), (_LEAST_Q, _BOUND), (-_BOUND, _BOUND)]
    p, above, v = np.exp(maximise(objective, [np.log(start) for start in _STARTS], bounds, "Gamma-Gamma"))
    return GammaGamma(float(p), 1.0 + float(above), float(v) * scale)


def predict_spend(spend: GammaGamma, visits: np.ndarray, mean_spend: np.ndarray) -> np.ndarray:
    """Return the expected spend of each shopper's next visit, shrunk to the population mean; equation 5 of the note.

    Shoppers without a counted visit (`visits` 0) get the population's mean.
    """
    import numpy as np

    x, z = np.asarray(visits, dtype=float), np.asarray(mean_spend, dtype=float)
    return np.asarray(spend.p * (spend.v + x * z) / (spend.p * x + spend.q - 1.0))
