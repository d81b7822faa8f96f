"""The split in time: which past dates a model learns from, and on which later date it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.validated.anchors import ANCHORS, STEP_DAYS, anchors

MOST_FOLDS = 3


class TooLittleHistoryError(ValueError):
    """The customer's history is too short for a training date and a later test date."""


class Split(NamedTuple):
    """Training dates, oldest first, and the test date: no two of their label windows overlap."""

    train: tuple[datetime, ...]
    test: datetime


def steps(horizon_days: int) -> int:
    """How many steps of the grid a label window of `horizon_days` covers."""
    return -(-horizon_days // STEP_DAYS)


def least_history_days(horizon_days: int) -> int:
    """With so much history there is a training date with sales before it, wherever as_of lies between two anchors.

    Two windows and the step in which the test date may lie further back than the horizon.
    """
    return (2 * steps(horizon_days) + 1) * STEP_DAYS


def split(as_of: datetime, horizon_days: int, available: Sequence[datetime], folds: int = MOST_FOLDS) -> Split:
    """The latest anchor whose outcome is known by `as_of` to test on, and up to `folds` earlier ones to learn from.

    Dates are anchors (features.anchors) that are `available` (there are features as of them). The test date is the
    latest whose whole horizon lies before as_of; training dates are one, two, ... horizons before it in whole steps,
    so that every label window ends before the next begins, and whatever is learned or tuned has seen nothing of a
    later one.

    Raises ValueError for a horizon that the grid cannot hold twice, TooLittleHistoryError when the test date or every
    training date is missing from `available`.
    """
    step = steps(horizon_days)
    if horizon_days < 1 or 2 * step >= ANCHORS or folds < 1:
        longest = (ANCHORS - 1) // 2 * STEP_DAYS
        raise ValueError(
            f"A horizon of {horizon_days} days with {folds} folds cannot be split: the horizon must be 1 to {longest} "
            "days, with at least one fold."
        )
    horizon, window = timedelta(days=horizon_days), timedelta(days=step * STEP_DAYS)
    test = next(date for date in anchors(as_of) if date + horizon <= as_of)
    known = set(available)
    earlier = [date for back in range(1, folds + 1) if (date := test - window * back) in known]
    if test not in known or not earlier:
        raise TooLittleHistoryError(
            f"To predict {horizon_days} days ahead as of {as_of:%Y-%m-%d}, sales are needed before "
            f"{test - window:%Y-%m-%d} to learn from and before {test:%Y-%m-%d} to be tested on; features exist as of "
            f"{', '.join(f'{date:%Y-%m-%d}' for date in sorted(known)) or 'no date'}."
        )
    return Split(tuple(sorted(earlier)), test)


def split_labelled(model: Model, snapshot: LabelledSnapshot) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    """What a model that learns from labels is trained on, and what it is judged on: the part that it holds out."""
    kept = model.is_holdout(snapshot, snapshot.outcome).to_numpy(dtype=bool)
    known, judged = (snapshot.outcome[rows].reset_index(drop=True) for rows in (~kept, kept))
    return [replace(snapshot, outcome=known)], replace(snapshot, outcome=judged)
