"""Local day and time of day from UTC, in integer arithmetic: the same on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import ibis

DAY = 86400


def local_seconds(ts: ibis.ir.TimestampColumn, timezone: str, first: int, last: int) -> ibis.ir.IntegerColumn:
    """Convert UTC times between `first` and `last` (seconds since 1970) to local seconds since 1970 of `timezone`.

    The zone's offset changes come from Python's time zone database and go into the query as numbers, so the engine's
    own time zone rules are not used.
    """
    import ibis

    seconds = ts.truncate("s").epoch_seconds()  # DuckDB's keep their fraction
    *changes, (_, final) = _offsets(timezone, first, last)
    if not changes:
        return seconds + final
    return seconds + ibis.cases(*((seconds < until, offset) for until, offset in changes), else_=final)


def local_day(moment: int, timezone: str) -> int:
    """Return the local day of `timezone` (days since 1970) at a moment in seconds since 1970."""
    return (moment + _offset(ZoneInfo(timezone), moment)) // DAY


def _offsets(timezone: str, first: int, last: int) -> list[tuple[int, int]]:
    """Return (until, offset in seconds) of each period with one offset; the last period reaches past `last`."""
    zone = ZoneInfo(timezone)
    return [*_changes(zone, first, last), (last + 1, _offset(zone, last))]


def _changes(zone: ZoneInfo, first: int, last: int) -> Iterator[tuple[int, int]]:
    for begin in range(first, last, 7 * DAY):
        low, high = begin, min(begin + 7 * DAY, last)
        before = _offset(zone, low)
        if _offset(zone, high) == before:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
        yield high, before


def _offset(zone: ZoneInfo, moment: int) -> int:
    offset = datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
