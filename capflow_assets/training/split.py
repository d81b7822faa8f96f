"""Splits into training and test data: in time, or of the labelled units of one date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.validated.anchors import ANCHORS, STEP_DAYS, anchors, horizon_steps

MAX_FOLDS = 3


class TooLittleHistoryError(ValueError):
    """The customer's history is too short for a training date and a later test date."""


class Split(NamedTuple):
    """Training dates, oldest first, and the test date: no two of their label windows overlap."""

    train: tuple[datetime, ...]
    test: datetime


def split(as_of: datetime, horizon_days: int, available: Sequence[datetime], folds: int = MAX_FOLDS) -> Split:
    """Return the latest anchor whose outcome is known by `as_of` as test date, and up to `folds` training dates.

    Dates are anchors (validated.anchors) that are `available`, i.e. have features. The test date is the latest one
    whose horizon ends by as_of; the training dates lie one, two, ... horizons before it, in whole steps, so that each
    label window ends before the next begins and nothing learned or tuned has seen a later one.

    Raises ValueError for a horizon that the grid cannot hold twice, TooLittleHistoryError if the test date or every
    training date is missing from `available`.
    """
    steps = horizon_steps(horizon_days)
    if horizon_days < 1 or 2 * steps >= ANCHORS or folds < 1:
        longest = (ANCHORS - 1) // 2 * STEP_DAYS
        raise ValueError(
            f"A horizon of {horizon_days} days with {folds} folds cannot be split: the horizon must be 1 to {longest} "
            "days, with at least one fold."
        )
    horizon, window = timedelta(days=horizon_days), timedelta(days=steps * STEP_DAYS)
    test = next(date for date in anchors(as_of) if date + horizon <= as_of)
    dates = set(available)
    earlier = [date for back in range(1, folds + 1) if (date := test - window * back) in dates]
    if test not in dates or not earlier:
        raise TooLittleHistoryError(
            f"To predict {horizon_days} days ahead as of {as_of:%Y-%m-%d}, sales are needed before "
            f"{test - window:%Y-%m-%d} to learn from and before {test:%Y-%m-%d} to be tested on; features exist as of "
            f"{', '.join(f'{date:%Y-%m-%d}' for date in sorted(dates)) or 'no date'}."
        )
    return Split(tuple(sorted(earlier)), test)


def split_labelled(model: Model, snapshot: LabelledSnapshot) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    """Return the training snapshots and the test snapshot of a model that learns from labels: what it holds out."""
    is_test = model.is_holdout(snapshot, snapshot.outcome).to_numpy(dtype=bool)
    train, test = (snapshot.outcome[rows].reset_index(drop=True) for rows in (~is_test, is_test))
    return [replace(snapshot, outcome=train)], replace(snapshot, outcome=test)
