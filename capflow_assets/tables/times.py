"""How a source's local times become UTC.

Written for DuckDB, whose own functions are called by name. Spark's twins are `to_utc_timestamp(local, zone)` and
`try_to_timestamp(text, pattern)` with Java patterns; they come with the Spark engine.
"""

from __future__ import annotations

from functools import cache
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis

ISO_DATE = r"^\s*\d{4}[-/]\d"
OFFSET = r"\d:\d{2}.*([zZ]|[+-]\d{2}(:?\d{2})?)\s*$"
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
        return _without_zone("UTC", value)
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
    iso = value.re_search(ISO_DATE)
    local = ibis.ifelse(iso, value.try_cast("timestamp"), ibis.null("timestamp"))
    if pattern:
        local = ibis.coalesce(_functions()["try_strptime"](value.strip(), pattern), local)
    absolute = _without_zone("UTC", value.try_cast("timestamp('UTC')"))
    return ibis.ifelse(iso & value.re_search(OFFSET), absolute, _to_utc(local, timezone))


def _from_epoch(value: ibis.Value, milliseconds: int) -> ibis.ir.TimestampValue:
    import ibis

    from capflow_assets.tables.values import number

    moment = number(value) * milliseconds
    # Ibis rounds to int64, which fails on larger numbers: only those that can be moments may get there.
    moment = ibis.ifelse(moment.between(FIRST_MILLISECOND, LAST_MILLISECOND), moment, ibis.null("float64"))
    return _functions()["epoch_ms"](moment.round())


def _to_utc(local: ibis.ir.TimestampValue, timezone: str) -> ibis.ir.TimestampValue:
    return local if timezone == "UTC" else _without_zone("UTC", _functions()["with_zone"](timezone, local))


def _without_zone(zone: str, moment: ibis.Value) -> ibis.ir.TimestampValue:
    # A plain cast would give the local time of the session.
    return _functions()["without_zone"](zone, moment)


@cache
def _functions() -> dict[str, Any]:
    import ibis
    import ibis.expr.datatypes as dt

    local, absolute = dt.Timestamp(), dt.Timestamp(timezone="UTC")

    def declared(name: str, result: Any, *arguments: Any) -> Any:
        def function() -> None: ...

        function.__signature__ = Signature(  # type: ignore[attr-defined]
            [Parameter(f"argument_{index}", Parameter.POSITIONAL_ONLY) for index in range(len(arguments))]
        )
        return ibis.udf.scalar.builtin(function, name=name, signature=(arguments, result))

    return {
        "with_zone": declared("timezone", absolute, dt.string, local),
        "without_zone": declared("timezone", local, dt.string, absolute),
        "try_strptime": declared("try_strptime", local, dt.string, dt.string),
        "epoch_ms": declared("epoch_ms", local, dt.int64),
    }
