"""The split in time: which past dates a model learns from, and on which later date it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

GRID_DAYS = 30
GRID_POINTS = 7  # as_of itself and six earlier dates
MOST_FOLDS = 3


class TooLittleHistoryError(ValueError):
    """The customer's history is too short for a training date and a later test date."""


class Split(NamedTuple):
    """Training dates, oldest first, and the test date: no two of their label windows overlap."""

    train: tuple[datetime, ...]
    test: datetime


def grid(as_of: datetime) -> list[datetime]:
    """The dates on which snapshots may lie: as_of and every 30 days back, seven in all, latest first."""
    return [as_of - timedelta(days=GRID_DAYS * point) for point in range(GRID_POINTS)]


def steps(horizon_days: int) -> int:
    """How many steps of the grid a label window of `horizon_days` covers."""
    return -(-horizon_days // GRID_DAYS)


def least_history_days(horizon_days: int) -> int:
    """The history below which there is no training date with sales before it: two windows and one step of the grid."""
    return (2 * steps(horizon_days) + 1) * GRID_DAYS


def split(as_of: datetime, horizon_days: int, available: Sequence[datetime], folds: int = MOST_FOLDS) -> Split:
    """The latest date whose outcome is known by `as_of` to test on, and up to `folds` earlier dates to learn from.

    Dates come from `grid(as_of)` and are `available` (there are features as of them). The test date is as_of less the
    horizon, in whole steps of the grid; training dates are two, three, ... horizons back, so that every label window
    ends where the next begins, and whatever is learned or tuned has seen nothing of a later one.

    Raises ValueError for a horizon that the grid cannot hold twice, TooLittleHistoryError when the test date or every
    training date is missing from `available`.
    """
    step = steps(horizon_days)
    if horizon_days < 1 or 2 * step >= GRID_POINTS or folds < 1:
        longest = (GRID_POINTS - 1) // 2 * GRID_DAYS
        raise ValueError(
            f"A horizon of {horizon_days} days with {folds} folds cannot be split: the horizon must be 1 to {longest} "
            "days, with at least one fold."
        )
    candidates = grid(as_of)[step::step]
    known = set(available)
    test, earlier = candidates[0], [date for date in candidates[1 : folds + 1] if date in known]
    if test not in known or not earlier:
        raise TooLittleHistoryError(
            f"To predict {horizon_days} days ahead as of {as_of:%Y-%m-%d}, sales are needed before "
            f"{candidates[1]:%Y-%m-%d} to learn from and before {test:%Y-%m-%d} to be tested on; features exist as of "
            f"{', '.join(f'{date:%Y-%m-%d}' for date in sorted(known)) or 'no date'}."
        )
    return Split(tuple(sorted(earlier)), test)
