"""Realised performance: what predictions were worth once their time was up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.training.evaluation.metrics import Z95, count_units, metric

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Performance:
    """How good one batch of predictions was, or the reference that later batches are held against.

    `standard_error` is of `value`, in the same units; `users` is how many outcomes it rests on; `as_of` is the date
    of the predictions.
    """

    metric: str
    value: float
    standard_error: float
    users: int
    as_of: datetime
    higher_is_better: bool = True


def is_matured(as_of: datetime, horizon_days: int, data_until: datetime) -> bool:
    """Whether all `horizon_days` after a prediction of `as_of` lie within the data, which end at `data_until`."""
    return as_of + timedelta(days=horizon_days) <= data_until


def measure_realised(prediction: pd.DataFrame, outcome: pd.DataFrame, metric_name: str, as_of: datetime) -> Performance:
    """How good the predictions of `as_of` proved to be, with the error that so few users leave.

    Columns of both frames as in models.base for the metric's task. Raises ValueError when the metric is unknown, is
    not defined for this outcome, or a user of the outcome was not predicted.
    """
    judge = metric(metric_name)
    value = judge.value(outcome, prediction)
    low, high = judge.interval(outcome, prediction)
    return Performance(
        metric=metric_name,
        value=value,
        standard_error=max(high - value, value - low) / Z95,  # the longer side: the other may be cut at 0 or 1
        users=count_units(judge.task, outcome),
        as_of=as_of,
        higher_is_better=judge.higher_is_better,
    )
