"""How a source's local times become UTC, the same on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.dialect import dialect

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
    """A moment in UTC without a zone; null where it cannot be read.

    Times without an offset are taken as local times of `timezone`; at the end of summer time the repeated hour is the
    later one. Text is read by `pattern` (strptime's, or epoch_seconds, or epoch_milliseconds), and as an ISO date where
    that does not fit: nothing but a year comes first in ISO dates. Numbers need a pattern.
    """
    import ibis

    kind = value.type()
    if pattern in ("epoch_seconds", "epoch_milliseconds"):
        return _from_epoch(value, 1000 if pattern == "epoch_seconds" else 1)
    if kind.is_timestamp() and kind.timezone:
        return dialect(value).without_zone(value)
    if kind.is_timestamp() or kind.is_date():
        return _to_utc(value.cast("timestamp"), timezone)
    if kind.is_numeric() and pattern:
        return _from_text(value.try_cast("int64").cast("string"), pattern, timezone)
    if kind.is_string():
        return _from_text(value, pattern, timezone)
    return ibis.null("timestamp")


def _from_text(value: ibis.ir.StringValue, pattern: str | None, timezone: str) -> ibis.ir.TimestampValue:
    import ibis

    # An offset must be asked for: DuckDB ignores it when it casts text to a timestamp without a zone.
    iso, plain = value.re_search(ISO), dialect(value).iso(value)
    local = ibis.ifelse(iso, plain.try_cast("timestamp"), ibis.null("timestamp"))
    if pattern:
        read = dialect(value).parsed(value.strip(), pattern)
        # DuckDB takes 7/1/24 for the year 24 when the pattern has %Y.
        local = ibis.coalesce(ibis.ifelse(read.year() >= FIRST_YEAR, read, ibis.null("timestamp")), local)
    absolute = dialect(value).without_zone(plain.try_cast("timestamp('UTC')"))
    return ibis.ifelse(iso & value.re_search(OFFSET), absolute, _to_utc(local, timezone))


def _from_epoch(value: ibis.Value, milliseconds: int) -> ibis.ir.TimestampValue:
    import ibis

    from capflow_assets.validated.cleaning.values import number

    moment = number(value) * milliseconds
    # Ibis rounds to int64, which fails on larger numbers: only those that can be moments may get there.
    moment = ibis.ifelse(moment.between(FIRST_MILLISECOND, LAST_MILLISECOND), moment, ibis.null("float64"))
    return dialect(value).from_milliseconds(moment.round())


def _to_utc(local: ibis.ir.TimestampValue, timezone: str) -> ibis.ir.TimestampValue:
    return local if timezone == "UTC" else dialect(local).to_utc(local, timezone)
