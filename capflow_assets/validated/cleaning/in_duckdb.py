"""The dialect of DuckDB: times and numbers by its own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.builtin import ABSOLUTE, LOCAL, engine_function

if TYPE_CHECKING:
    import ibis


def to_utc(local: ibis.Value, zone: str) -> ibis.Value:
    """Convert by ICU: in a repeated hour the later time, in a skipped hour the offset before the skip."""
    return without_zone(engine_function("timezone", ABSOLUTE, "string", LOCAL)(zone, local))


def without_zone(moment: ibis.Value) -> ibis.Value:
    """Convert to UTC without a zone; a plain cast would give the session's local time."""
    return engine_function("timezone", LOCAL, "string", ABSOLUTE)("UTC", moment)


def normalise_iso(text: ibis.Value) -> ibis.Value:
    """Return the text unchanged: DuckDB's cast accepts every ISO form."""
    return text


def parse_time(text: ibis.Value, pattern: str) -> ibis.Value:
    """Parse by DuckDB's try_strptime."""
    return engine_function("try_strptime", LOCAL, "string", "string")(text, pattern)


def from_milliseconds(count: ibis.Value) -> ibis.Value:
    """Convert by epoch_ms."""
    return engine_function("epoch_ms", LOCAL, "int64")(count)


def microseconds(moment: ibis.Value) -> ibis.Value:
    """Convert by epoch_us."""
    return engine_function("epoch_us", "int64", LOCAL)(moment)


def format_number(number: ibis.Value) -> ibis.Value:
    """Write as DuckDB's cast does: 12345678.5, 1e+20."""
    return number.cast("string")
