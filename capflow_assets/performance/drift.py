"""Dips: whether a model has become worse than it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from capflow_assets.performance.realised import Performance

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


def find_dip(
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
