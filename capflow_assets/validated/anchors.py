"""The dates that snapshots lie on: fixed ones in the past, so that what was computed for them stays, and as_of itself.

An anchor is midnight UTC of every 30th day counted from 1970-01-01. A new day of sales moves `as_of` and no anchor.
"""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
STEP_DAYS = 30
STEP = timedelta(days=STEP_DAYS)
ANCHORS = 7


def anchors(as_of: datetime) -> list[datetime]:
    """The last seven anchors that are not after `as_of`, latest first."""
    latest = EPOCH + (as_of - EPOCH) // STEP * STEP
    return [latest - STEP * back for back in range(ANCHORS)]


def grid(as_of: datetime) -> list[datetime]:
    """The dates of snapshots: `as_of` and the anchors up to it, latest first; seven, or eight between two anchors."""
    return sorted({as_of, *anchors(as_of)}, reverse=True)


def anchor_index(date: datetime) -> int:
    """How many steps after the epoch the first anchor at or after `date` lies: intervals below it begin before it."""
    return -((EPOCH - date) // STEP)
