"""Conversion of a source's times to UTC, the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.dialect import dialect_of

if TYPE_CHECKING:
    import ibis

_DATE = r"(\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2})"
_TIME = r"( +|T)([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_OFFSET = r"([zZ]|[+-]\d{2}(:?\d{2})?)"
ISO = rf"^\s*{_DATE}({_TIME}{_OFFSET}?)?\s*$"
OFFSET = rf"\d:\d{{2}}.*{_OFFSET}\s*$"
FIRST_YEAR = 1000
FIRST_MILLISECOND, LAST_MILLISECOND = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999


def utc(value: ibis.Value, pattern: str | None, timezone: str) -> ibis.ir.TimestampValue:
    """Convert to UTC without a zone; null where the value cannot be read.

    Times without an offset are local times of `timezone`; in the repeated hour at the end of summer time the later one
    is taken. Text is parsed by `pattern` (strptime, or epoch_seconds, or epoch_milliseconds), and as an ISO date where
    that does not match, which is unambiguous because ISO dates begin with the year. Numbers need a pattern.
    """
    import ibis

    kind = value.type()
    if pattern in ("epoch_seconds", "epoch_milliseconds"):
        return _from_epoch(value, 1000 if pattern == "epoch_seconds" else 1)
    if kind.is_timestamp() and kind.timezone:
        return dialect_of(value).without_zone(value)
    if kind.is_timestamp() or kind.is_date():
        return _to_utc(value.cast("timestamp"), timezone)
    if kind.is_numeric() and pattern:
        return _from_text(value.try_cast("int64").cast("string"), pattern, timezone)
    if kind.is_string():
        return _from_text(value, pattern, timezone)
    return ibis.null("timestamp")


def _from_text(value: ibis.ir.StringValue, pattern: str | None, timezone: str) -> ibis.ir.TimestampValue:
    import ibis

    # The offset is checked explicitly: DuckDB ignores it when it casts text to a timestamp without a zone.
    iso, plain = value.re_search(ISO), dialect_of(value).normalise_iso(value)
    local = ibis.ifelse(iso, plain.try_cast("timestamp"), ibis.null("timestamp"))
    if pattern:
        read = dialect_of(value).parse_time(value.strip(), pattern)
        # DuckDB reads 7/1/24 as the year 24 when the pattern has %Y.
        local = ibis.coalesce(ibis.ifelse(read.year() >= FIRST_YEAR, read, ibis.null("timestamp")), local)
    absolute = dialect_of(value).without_zone(plain.try_cast("timestamp('UTC')"))
    return ibis.ifelse(iso & value.re_search(OFFSET), absolute, _to_utc(local, timezone))


def _from_epoch(value: ibis.Value, milliseconds: int) -> ibis.ir.TimestampValue:
    import ibis

    from capflow_assets.validated.cleaning.values import number

    moment = number(value) * milliseconds
    # Ibis rounds to int64, which fails on larger numbers: keep only those that can be timestamps.
    moment = ibis.ifelse(moment.between(FIRST_MILLISECOND, LAST_MILLISECOND), moment, ibis.null("float64"))
    return dialect_of(value).from_milliseconds(moment.round())


def _to_utc(local: ibis.ir.TimestampValue, timezone: str) -> ibis.ir.TimestampValue:
    return local if timezone == "UTC" else dialect_of(local).to_utc(local, timezone)
