"""Times and numbers in DuckDB's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.builtin import ABSOLUTE, LOCAL, builtin

if TYPE_CHECKING:
    import ibis


def to_utc(local: ibis.Value, zone: str) -> ibis.Value:
    """ICU's reading of a local time: in a repeated hour the later one, in a skipped hour as before the skip."""
    return without_zone(builtin("timezone", ABSOLUTE, "string", LOCAL)(zone, local))


def without_zone(moment: ibis.Value) -> ibis.Value:
    """UTC without a zone; a plain cast would give the local time of the session."""
    return builtin("timezone", LOCAL, "string", ABSOLUTE)("UTC", moment)


def iso(text: ibis.Value) -> ibis.Value:
    """As it is."""
    return text


def parsed(text: ibis.Value, pattern: str) -> ibis.Value:
    """By DuckDB's strptime."""
    return builtin("try_strptime", LOCAL, "string", "string")(text, pattern)


def from_milliseconds(count: ibis.Value) -> ibis.Value:
    """By epoch_ms."""
    return builtin("epoch_ms", LOCAL, "int64")(count)


def microseconds(moment: ibis.Value) -> ibis.Value:
    """By epoch_us."""
    return builtin("epoch_us", "int64", LOCAL)(moment)


def written(number: ibis.Value) -> ibis.Value:
    """As DuckDB writes it: 12345678.5, 1e+20."""
    return number.cast("string")
