"""BG/NBD: expected repeat visits, from how often and how recently a shopper came.

While active, a shopper buys at a rate that differs between shoppers as a gamma(r, alpha); after every purchase they
leave for good with a probability that differs as a beta(a, b).

Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
Names here: `repeats` is x (visits after the first), `last` is t_x (age at the last visit), `age` is T (time since the
first visit); any unit of time, the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.methods.lifetime.likelihood import ConvergenceError, maximise

if TYPE_CHECKING:
    import numpy as np

_STARTS = ((0.5, 0.5, 2.0), (1.0, 1.0, 1.0), (0.2, 0.1, 5.0), (2.0, 0.05, 1.0))  # r, a, b
_BOUND = 9.0  # of a logarithm: parameters from 1e-4 to 8,000 times their scale
_MOST_A = 5.0  # log a: beyond it everybody leaves after the first repeat, and the expected visits underflow
_SERIES_Z, _SERIES_TERMS = 0.99, 20_000


@dataclass(frozen=True)
class BGNBD:
    """A fitted purchase process: r and alpha of the visit rate, a and b of the dropout probability after a visit."""

    r: float
    alpha: float
    a: float
    b: float


def _parts(process: BGNBD, repeats: np.ndarray, last: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each shopper's log-likelihood, and the probability that they left right after the last visit."""
    import numpy as np
    from scipy.special import gammaln

    r, alpha, a, b = process.r, process.alpha, process.a, process.b
    again = repeats > 0
    purchases = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha)
    stays = gammaln(a + b) + gammaln(b + repeats) - gammaln(b) - gammaln(a + b + repeats)
    still_here = -(r + repeats) * np.log(alpha + age)
    left = np.where(again, np.log(a) - np.log(np.where(again, b + repeats - 1, 1.0)), -np.inf)
    left = left - (r + repeats) * np.log(alpha + last)
    together = np.logaddexp(still_here, left)
    return purchases + stays + together, np.exp(left - together)


def log_likelihood(process: BGNBD, repeats: np.ndarray, last: np.ndarray, age: np.ndarray) -> float:
    """Return the log-likelihood of these shoppers' visits: equation 6 of the paper, summed."""
    return float(_parts(process, repeats, last, age)[0].sum())


def _gradient(process: BGNBD, repeats: np.ndarray, last: np.ndarray, age: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return derivatives of each shopper's log-likelihood by log r, log alpha, log a and log b (4 rows)."""
    import numpy as np
    from scipy.special import digamma

    r, alpha, a, b = process.r, process.alpha, process.a, process.b
    here = 1.0 - left
    by_r = digamma(r + repeats) - digamma(r) + np.log(alpha) - here * np.log(alpha + age) - left * np.log(alpha + last)
    by_alpha = r / alpha - (r + repeats) * (here / (alpha + age) + left / (alpha + last))
    shared = digamma(a + b) - digamma(a + b + repeats)
    by_a = shared + left / a
    by_b = shared + digamma(b + repeats) - digamma(b) - left / np.where(repeats > 0, b + repeats - 1, 1.0)
    return np.vstack([r * by_r, alpha * by_alpha, a * by_a, b * by_b])


def fit(repeats: np.ndarray, last: np.ndarray, age: np.ndarray, penalty: float = 0.0) -> BGNBD:
    """Fit the process to these shoppers' visits by maximum likelihood.

    Arrays have one number a shopper, in any order. `penalty` pulls the logarithms of the parameters towards usual
    values, for when few shoppers came again. Raises ValueError for impossible histories, ConvergenceError when there
    is no maximum.
    """
    import numpy as np

    histories = np.column_stack([repeats, last, age]).astype(float)
    if not len(histories) or not np.isfinite(histories).all() or (histories < 0).any():
        raise ValueError("BG/NBD needs shoppers with finite, non-negative repeats, last visit and age.")
    if (histories[:, 1] > histories[:, 2]).any() or ((histories[:, 0] == 0) & (histories[:, 1] > 0)).any():
        raise ValueError("BG/NBD: a last visit after today, or later than the first without a repeat visit.")
    distinct, counts = np.unique(histories, axis=0, return_counts=True)
    x, t_x, t = distinct.T
    weights = counts / counts.sum()
    scale = float(max(t @ weights, 1e-9))
    rate = float(max(x @ weights, 1.0 / (2 * counts.sum()))) / scale
    starts = [np.log([r, r / rate, a, b]) for r, a, b in _STARTS]

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        process = BGNBD(*np.exp(logs))
        values, left = _parts(process, x, t_x, t)
        pull = penalty / counts.sum() * (logs - starts[0])
        return (
            float(values @ weights) - float(pull @ (logs - starts[0])),
            _gradient(process, x, t_x, t, left) @ weights - 2 * pull,
        )

    bounds = [(-_BOUND, _BOUND)] * 4
    bounds[1], bounds[2] = (-_BOUND + np.log(scale), _BOUND + np.log(scale)), (-_BOUND, _MOST_A)
    return BGNBD(*(float(value) for value in np.exp(maximise(objective, starts, bounds, "BG/NBD"))))


def p_alive(process: BGNBD, repeats: np.ndarray, last: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return the probability that each shopper is still active; 1 after one visit, since dropout follows a repeat."""
    import numpy as np

    return np.asarray(1.0 - _parts(process, repeats, last, age)[1])


def predict_purchases(
    process: BGNBD, horizon: float, repeats: np.ndarray, last: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """Return the expected visits of each shopper in the next `horizon`: equation 10 of the paper.

    Raises ConvergenceError where that cannot be computed.
    """
    import numpy as np

    found = predict_purchases_or_nan(process, horizon, repeats, last, age)
    if unknown := int(np.isnan(found).sum()):
        raise ConvergenceError(
            f"BG/NBD: the expected visits of {unknown:,} shoppers did not converge (a={process.a}, b={process.b})."
        )
    return found


def predict_purchases_or_nan(
    process: BGNBD, horizon: float, repeats: np.ndarray, last: np.ndarray, age: np.ndarray
) -> np.ndarray:
    """Return `predict_purchases`, with NaN for shoppers where it does not converge."""
    return p_alive(process, repeats, last, age) * _while_active(process, horizon, repeats, age)


def horizon_growth(process: BGNBD, horizon: float, longer: float, repeats: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return expected visits in `longer` over those in `horizon`, per shopper.

    As shoppers leave, visits get rarer: the answer lies between 1 and longer / horizon. Where the visits cannot be
    computed it is longer / horizon, as if nobody left; whoever cares finds them by that value.
    """
    import numpy as np

    visits, more = (_while_active(process, time, repeats, age) for time in (horizon, longer))
    known = (visits > 0) & np.isfinite(more)
    ratio = np.divide(more, visits, out=np.full(len(visits), longer / horizon), where=known)
    return np.clip(ratio, 1.0, longer / horizon)


def _while_active(process: BGNBD, horizon: float, repeats: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return the expected visits of each shopper given that they are active; NaN if the series does not converge.

    The paper's hypergeometric term overflows for frequent shoppers; here it is after Euler's transformation
    (Abramowitz & Stegun 15.3.3), in which only one of the three parameters grows with the visits.
    """
    import numpy as np

    r, alpha, b = process.r, process.alpha, process.b
    a = process.a if abs(process.a - 1.0) > 1e-6 else 1.0 + 1e-6  # the formula divides by a - 1; its limit is smooth
    kept = a + b + repeats - 1
    kept = np.where(np.abs(kept) < 1e-9, 1e-9, kept)
    shrink = np.power((alpha + age) / (alpha + age + horizon), a - 1)
    gone = shrink * _hypergeometric(a + b - 1 - r, a - 1, kept, horizon / (alpha + age + horizon))
    return np.asarray(np.maximum(kept / (a - 1.0) * (1.0 - gone), 0.0))


def _hypergeometric(a: float, b: float, c: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return Gauss's 2F1(a, b; c; z) for 0 <= z < 1 by its series: scipy's overflows for large c except near z = 1.

    NaN where the series does not converge.
    """
    import numpy as np
    from scipy.special import hyp2f1

    total = np.ones(len(c))
    near = z > _SERIES_Z
    total[near] = hyp2f1(a, b, c[near], z[near])
    open_rows = np.flatnonzero(~near)
    term = np.ones(len(open_rows))
    for n in range(_SERIES_TERMS):
        if not len(open_rows):
            break
        bottom, step = c[open_rows], z[open_rows]
        with np.errstate(over="ignore", invalid="ignore"):  # such rows stay open to the end
            term = term * ((a + n) * (b + n) / (n + 1)) / (bottom + n) * step
            total[open_rows] += term
        # once the terms shrink by `ratio` from here on, what is left of the series is below term / (1 - ratio)
        ratio = np.abs((a + n + 1) * (b + n + 1) / ((bottom + n + 1) * (n + 2))) * step
        going = ~((ratio < 1) & (np.abs(term) < 1e-15 * np.abs(total[open_rows]) * (1 - step)))
        open_rows, term = open_rows[going], term[going]
    total[open_rows] = np.nan
    return total
