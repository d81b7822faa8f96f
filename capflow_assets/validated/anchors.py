"""The snapshot grid: fixed dates in the past, so that what was computed for them can be reused, and as_of itself.

An anchor is midnight UTC of every 30th day counted from 1970-01-01. A new day of sales moves `as_of` and no anchor.
"""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
STEP_DAYS = 30
STEP = timedelta(days=STEP_DAYS)
ANCHORS = 7


def anchors(as_of: datetime) -> list[datetime]:
    """Return the last seven anchors that are not after `as_of`, latest first."""
    latest = EPOCH + (as_of - EPOCH) // STEP * STEP
    return [latest - STEP * back for back in range(ANCHORS)]


def snapshot_grid(as_of: datetime) -> list[datetime]:
    """Return the snapshot dates, latest first: `as_of` and the anchors up to it (seven or eight dates)."""
    return sorted({as_of, *anchors(as_of)}, reverse=True)


def anchor_index(date: datetime) -> int:
    """Return the index of the first anchor at or after `date`, counted from 1970; earlier intervals begin before it."""
    return -((EPOCH - date) // STEP)


def horizon_steps(horizon_days: int) -> int:
    """Return how many steps of the grid a label window of `horizon_days` covers."""
    return -(-horizon_days // STEP_DAYS)


def least_history_days(horizon_days: int) -> int:
    """Return the history that guarantees a training date with sales before it, for any as_of between two anchors.

    Two label windows, and the step by which the test date may lie further back than the horizon.
    """
    return (2 * horizon_steps(horizon_days) + 1) * STEP_DAYS
