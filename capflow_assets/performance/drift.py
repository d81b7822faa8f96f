"""Drift: whether scores or features have moved, and whether a model has become worse than it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from capflow_assets.performance.realised import Performance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

# Siddiqi, "Credit Risk Scorecards" (2006): below .10 stable, from .25 a different population.
PSI_STABLE = 0.10
PSI_SHIFTED = 0.25

SLACK = 0.01  # a drop that nobody would act on, in the metric's units
ALLOWANCE = 0.5  # "k": standard errors of each batch that are put down to chance
ALARM = 4.0  # "h": standard errors in excess that make a dip


@dataclass(frozen=True)
class Dip:
    """A model that has become worse: since which batch, which batch made it sure, and why, in words."""

    since: datetime
    seen: datetime
    value: float
    reference: float
    score: float
    reason: str


def dipped(
    history: Sequence[Performance],
    reference: Performance,
    slack: float = SLACK,
    allowance: float = ALLOWANCE,
    alarm: float = ALARM,
) -> Dip | None:
    """Whether batches of one model version, oldest first, show it worse than its reference; None when they do not.

    Each batch adds how far it fell below the reference beyond `slack` (in the metric's units: pass a share of the
    reference for a metric in money), in standard errors of batch and reference together, less `allowance`; the sum
    never falls below 0, and above `alarm` it is a dip. Source: the one-sided CUSUM of Page (1954), Biometrika 41, with
    the reference's own error, without which a small reference alarms often (benchmarks/drift_rule.py measures it).

    Raises ValueError when a batch has another metric, comes out of order, or a standard error is negative or missing.
    """
    _check(history, reference)
    total, since = 0.0, None
    for batch in history:
        total = max(0.0, total + _excess(batch, reference, slack) - allowance)
        since = (since or batch) if total > 0 else None
        if since is not None and total > alarm:
            return Dip(since.as_of, batch.as_of, batch.value, reference.value, total, _told(since, batch, reference))
    return None


def psi(expected: ArrayLike, actual: ArrayLike, bins: int = 10) -> float:
    """The population stability index: how far numbers have moved from a reference; 0 is not at all, .25 is far.

    Bins are quantiles of `expected`; a value that fills several of them is a bin of its own, as are missing values.
    Half a row is added to each bin, so that an empty one gives a finite number. Under no drift it is about
    (bins - 1) x (1/n + 1/m) for n and m rows: below some 200 rows it says little.
    Source: Siddiqi, "Credit Risk Scorecards" (2006); Yurdakul (2018), Western Michigan University dissertation 3208.

    Raises ValueError when either side has no rows.
    """
    import numpy as np

    reference, current = (np.asarray(side, dtype=float).ravel() for side in (expected, actual))
    if not len(reference) or not len(current):
        raise ValueError(
            f"psi: {len(reference):,} expected and {len(current):,} actual values; both sides need at least one. "
            "Pass the scores of two batches that have users."
        )
    cuts = _cuts(reference[~np.isnan(reference)], bins)
    before, now = _shares(reference, cuts), _shares(current, cuts)
    return float(((now - before) * np.log(now / before)).sum())


def _cuts(values: np.ndarray, bins: int) -> np.ndarray:
    """The upper edges of all bins but the last: inner quantiles, and both sides of each value that fills a bin."""
    import numpy as np

    if not len(values):
        return np.empty(0)
    quantiles = np.quantile(values, np.linspace(0, 1, bins + 1), method="inverted_cdf")
    found, times = np.unique(quantiles, return_counts=True)
    filling = found[times > 1]
    return np.unique(np.concatenate([quantiles[1:-1], filling, np.nextafter(filling, -np.inf)]))


def _shares(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    import numpy as np

    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(cuts, values[~missing], side="left"), minlength=len(cuts) + 1)
    smoothed = np.append(counts, missing.sum()) + 0.5
    return smoothed / smoothed.sum()


def _excess(batch: Performance, reference: Performance, slack: float) -> float:
    """How far the batch fell beyond the slack, in standard errors; infinite where there is no error to divide by."""
    drop = reference.value - batch.value if reference.higher_is_better else batch.value - reference.value
    beyond = drop - slack
    error = math.hypot(batch.standard_error, reference.standard_error)
    return beyond / error if error > 0 else math.copysign(math.inf, beyond) if beyond else 0.0


def _check(history: Sequence[Performance], reference: Performance) -> None:
    for batch in (reference, *history):
        where = f"monitoring: {batch.metric} of {batch.as_of:%Y-%m-%d}"
        if batch.metric != reference.metric:
            raise ValueError(f"{where} is held against a reference in {reference.metric}. Use one metric for both.")
        if not math.isfinite(batch.value) or not 0 <= batch.standard_error < math.inf:
            raise ValueError(
                f"{where} is {batch.value} with standard error {batch.standard_error}; both must be known. "
                "Leave out batches that could not be measured."
            )
    for earlier, later in pairwise(history):
        if later.as_of <= earlier.as_of:
            raise ValueError(
                f"monitoring: batches of {earlier.as_of} and {later.as_of} are not in order. Sort by as_of."
            )


def _told(since: Performance, batch: Performance, reference: Performance) -> str:
    direction = "fell" if reference.higher_is_better else "rose"
    return (
        f"{batch.metric} {direction} to {batch.value:.3g} ({batch.users:,} users, {batch.as_of:%Y-%m-%d}) from "
        f"{reference.value:.3g} when the model was chosen ({reference.users:,} users), and has been worse since "
        f"{since.as_of:%Y-%m-%d} by more than chance explains"
    )
