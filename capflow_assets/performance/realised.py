"""Realised performance of matured prediction batches, and whether it has dipped below the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from capflow_assets.training.evaluation.metrics import Z95, metric
from capflow_assets.training.evaluation.units import count_units

if TYPE_CHECKING:
    import pandas as pd

SLACK = 0.01  # a drop that nobody would act on, in the metric's units
ALLOWANCE = 0.5  # "k": standard errors of each batch that are attributed to chance
ALARM = 4.0  # "h": accumulated excess standard errors that make a dip


@dataclass(frozen=True)
class Performance:
    """How good one batch of predictions was, or the reference that batches are compared with.

    `standard_error` is of `value`, in the same units; `users` is the number of outcomes behind it; `as_of` is the date
    of the predictions.
    """

    metric: str
    value: float
    standard_error: float
    users: int
    as_of: datetime
    higher_is_better: bool = True


@dataclass(frozen=True)
class Dip:
    """A model that has become worse: since which batch, the batch that proved it, and the reason in words."""

    since: datetime
    seen: datetime
    value: float
    reference: float
    score: float
    reason: str


def is_matured(as_of: datetime, horizon_days: int, data_until: datetime) -> bool:
    """Return whether the horizon of a prediction as of `as_of` is over by `data_until`, where the data ends."""
    return as_of + timedelta(days=horizon_days) <= data_until


def measure_realised(prediction: pd.DataFrame, outcome: pd.DataFrame, metric_name: str, as_of: datetime) -> Performance:
    """Measure the predictions of `as_of` against their outcome, with the standard error.

    Both frames have the columns of the metric's task (contract.model). Raises ValueError if the metric is unknown or
    not defined for this outcome, or if a user of the outcome was not predicted.
    """
    measure = metric(metric_name)
    value = measure.value(outcome, prediction)
    low, high = measure.interval(outcome, prediction)
    return Performance(
        metric=metric_name,
        value=value,
        standard_error=max(high - value, value - low) / Z95,  # the longer side: the other may be cut at 0 or 1
        users=count_units(measure.task, outcome),
        as_of=as_of,
        higher_is_better=measure.higher_is_better,
    )


def find_dip(
    history: Sequence[Performance],
    reference: Performance,
    slack: float = SLACK,
    allowance: float = ALLOWANCE,
    alarm: float = ALARM,
) -> Dip | None:
    """Return the dip if batches of one model version, oldest first, are worse than the reference; else None.

    A one-sided CUSUM (Page 1954, Biometrika 41). Each batch adds how far it fell below the reference beyond `slack`, in
    standard errors of batch and reference combined, less `allowance`; the sum never falls below 0, and above `alarm` it
    is a dip. `slack` is in the metric's units: pass a share of the reference for a metric in money. Without the
    reference's own error a small reference would alarm often (benchmarks/drift_rule.py measures it).

    Raises ValueError if a batch has another metric or comes out of order, or a standard error is negative or missing.
    """
    _require_comparable(history, reference)
    total, since = 0.0, None
    for batch in history:
        total = max(0.0, total + _excess_errors(batch, reference, slack) - allowance)
        since = (since or batch) if total > 0 else None
        if since is not None and total > alarm:
            return Dip(since.as_of, batch.as_of, batch.value, reference.value, total, _reason(since, batch, reference))
    return None


def _excess_errors(batch: Performance, reference: Performance, slack: float) -> float:
    """Return how far the batch fell beyond the slack, in standard errors; infinite if there is no error at all."""
    drop = reference.value - batch.value if reference.higher_is_better else batch.value - reference.value
    excess = drop - slack
    error = math.hypot(batch.standard_error, reference.standard_error)
    return excess / error if error > 0 else math.copysign(math.inf, excess) if excess else 0.0


def _require_comparable(history: Sequence[Performance], reference: Performance) -> None:
    for batch in (reference, *history):
        where = f"performance: {batch.metric} of {batch.as_of:%Y-%m-%d}"
        if batch.metric != reference.metric:
            raise ValueError(f"{where} is compared with a reference in {reference.metric}. Use one metric for both.")
        if not math.isfinite(batch.value) or not 0 <= batch.standard_error < math.inf:
            raise ValueError(
                f"{where} is {batch.value} with standard error {batch.standard_error}; both must be known. "
                "Leave out batches that could not be measured."
            )
    for earlier, later in pairwise(history):
        if later.as_of <= earlier.as_of:
            raise ValueError(
                f"performance: batches of {earlier.as_of} and {later.as_of} are not in order. Sort by as_of."
            )


def _reason(since: Performance, batch: Performance, reference: Performance) -> str:
    direction = "fell" if reference.higher_is_better else "rose"
    return (
        f"{batch.metric} {direction} to {batch.value:.3g} ({batch.users:,} users, {batch.as_of:%Y-%m-%d}) from "
        f"{reference.value:.3g} when the model was chosen ({reference.users:,} users), and has been worse since "
        f"{since.as_of:%Y-%m-%d} by more than chance explains"
    )
