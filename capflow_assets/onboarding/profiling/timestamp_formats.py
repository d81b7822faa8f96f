"""Detect how a column's timestamps are written by parsing them: day or month first, with or without a time of day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capflow_assets.onboarding.profiling.profiles import TimestampFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOOKED_AT = 20_000  # values, in the source's order
ISO = r"^\d{4}[-/]\d"
_DATE_LIKE = (
    r"^(\d{1,4}[-/. ]+(\d{1,2}|[A-Za-z]{3,9})[-/. ,]+\d{2,4}|[A-Za-z]{3,9}[ .]+\d{1,2},? +\d{4}|\d{8}([T ]?\d{4,6})?$)"
)
# fmt: off
_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y",
    "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d", "%Y.%m.%d",
)
# fmt: on
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", ", %H:%M", " %H.%M")
PATTERNS = (*(day + clock for day in _DAYS for clock in _CLOCKS), "%Y%m%d%H%M%S", "%Y%m%d%H%M")
_SWAPPED = {"%d": "%m", "%m": "%d"}
_EPOCHS = {"epoch_seconds": (631_152_000, 4_102_444_800), "epoch_milliseconds": (631_152_000_000, 4_102_444_800_000)}


def detect_format(
    con: DuckDBPyConnection, sample: str, name: str, dtype: str, text: str, filled: int
) -> TimestampFormat | None:
    """Return how the timestamps of a column are written; None when it holds none.

    `text` is SQL for a value as text. A number is a date only if its digits are (20240131), or if it is an epoch.
    """
    if not filled:
        return None
    if dtype.startswith(("TIMESTAMP", "DATE")):
        return _measure_format(con, sample, text, "CAST(v AS TIMESTAMP)", None)
    first = f"(SELECT {text} AS v FROM {sample} WHERE {text} IS NOT NULL LIMIT 2000)"
    like, number = _row(
        con,
        f"SELECT avg(CAST(regexp_matches(v, '{_DATE_LIKE}') AS INT)),"
        " avg(CAST(TRY_CAST(v AS DOUBLE) IS NOT NULL AS INT))"
        f" FROM {first}",
    )
    if number > 0.99 and not (like or 0) > 0.9:
        return _detect_epoch(con, first, filled)
    if (like or 0) < 0.8:
        return None
    return _detect_text_format(con, sample, text, first)


def _detect_text_format(con: DuckDBPyConnection, sample: str, text: str, first: str) -> TimestampFormat | None:
    iso = f"CASE WHEN regexp_matches(v, '{ISO}') THEN TRY_CAST(v AS TIMESTAMP) END"
    tries = ", ".join(f"count(coalesce(try_strptime(v, '{pattern}'), {iso}))" for pattern in PATTERNS)
    count, read_as_iso, *read = _row(con, f"SELECT count(*), count({iso}), {tries} FROM {first}")
    if read_as_iso >= 0.95 * count:
        return _measure_format(con, sample, text, iso, None)
    best = max(read)
    if best < 0.9 * count:
        return None
    equal = [
        pattern for pattern, parsed_share in zip(PATTERNS, read, strict=True) if parsed_share >= best - 0.005 * count
    ]
    measured = {
        pattern: _measure_format(con, sample, text, f"coalesce(try_strptime(v, '{pattern}'), {iso})", pattern)
        for pattern in equal
    }
    ranked = sorted(
        measured.values(), key=lambda found: (-round(found.parsed_share, 3), -round(found.ordered_share, 2))
    )
    return _choose_format(ranked)


def _choose_format(ranked: list[TimestampFormat]) -> TimestampFormat:
    best = ranked[0]
    other = _swap_day_and_month(best.pattern)
    rival = next((found for found in ranked[1:] if found.pattern == other), None)
    proof, doubt = "", ""
    if other is not None:
        first = "the day" if (best.pattern or "").startswith("%d") else "the month"
        if rival is None or rival.parsed_share < best.parsed_share - 0.001:
            proof = f"{first} comes first: only the other place has numbers above 12"
        elif best.ordered_share > rival.ordered_share + 0.02:
            proof = f"{first} comes first: only then are the rows in the order of time"
            doubt = str(other)
        else:
            proof, doubt = "day or month first is unknown: no number is above 12", str(other)
    return TimestampFormat(best.pattern, best.parsed_share, best.has_clock, best.ordered_share, proof, doubt)


def _swap_day_and_month(pattern: str | None) -> str | None:
    if not pattern or not pattern.startswith(("%d/%m", "%m/%d", "%d-%m", "%m-%d")):
        return None
    return f"{_SWAPPED[pattern[:2]]}{pattern[2]}{_SWAPPED[pattern[3:5]]}{pattern[5:]}"


def _measure_format(
    con: DuckDBPyConnection, sample: str, text: str, moment: str, pattern: str | None
) -> TimestampFormat:
    values = f"SELECT {text} AS v FROM {sample} WHERE {text} IS NOT NULL LIMIT {LOOKED_AT}"
    moments = f"SELECT {moment} AS t FROM ({values})"
    parsed_share, clock, ordered_share = _row(
        con,
        "SELECT count(t) / count(*), avg(CAST(t <> date_trunc('day', t) AS INT)), avg(CAST(t >= before AS INT))"
        f" FROM (SELECT t, lag(t) OVER () AS before FROM ({moments}))",
    )
    return TimestampFormat(pattern, parsed_share or 0.0, (clock or 0) > 0.05, ordered_share or 0.0)


def _detect_epoch(con: DuckDBPyConnection, first: str, filled: int) -> TimestampFormat | None:
    for pattern, (low, high) in _EPOCHS.items():
        inside, distinct = _row(
            con,
            f"SELECT avg(CAST(CAST(v AS DOUBLE) BETWEEN {low} AND {high} AS INT)), count(DISTINCT v) FROM {first}",
        )
        if (inside or 0) > 0.999 and distinct > 5:
            return TimestampFormat(pattern, 1.0, True, 0.0, doubt="a number that is not a time")
    return None


def _row(con: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    if row is None:
        raise RuntimeError("an aggregate gave no row")
    return tuple(row)
