"""Times and numbers in Spark's own functions, with DuckDB's results; the session's time zone must be UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.builtin import ABSOLUTE, LOCAL, builtin
from capflow_assets.validated.cleaning.strptime import Reading, reading

if TYPE_CHECKING:
    import ibis

LATER_HOURS = 3  # longer than any hour that was ever repeated


def to_utc(local: ibis.Value, zone: str) -> ibis.Value:
    """Java takes the earlier of two equal local times: the later one is told by the offset that holds afterwards."""
    import ibis

    here = local.cast(ABSOLUTE)
    first = builtin("to_utc_timestamp", ABSOLUTE, ABSOLUTE, "string")(here, zone)
    after = first + ibis.interval(hours=LATER_HOURS)
    later = _from_micros(_micros(here) - (_micros(_at(after, zone)) - _micros(after)))
    return without_zone(ibis.ifelse(_at(later, zone) == here, later, first))


def without_zone(moment: ibis.Value) -> ibis.Value:
    """UTC without a zone: what a cast gives in a session of UTC."""
    return moment.cast(LOCAL)


def iso(text: ibis.Value) -> ibis.Value:
    """With dashes and one blank: 2024/07/01  12:00 is no time to Spark."""
    return text.replace("/", "-").re_replace(r"(\d) +(\d)", r"\1 \2")


def parsed(text: ibis.Value, pattern: str) -> ibis.Value:
    """By a regular expression: Java's patterns take other widths and other spaces than strptime does."""
    import ibis

    found = reading(pattern)
    plain = _months_as_numbers(text, found.months) if found.months else text
    fits = plain.re_search(found.expression)
    moment = plain.re_replace(found.expression, _iso(found)).try_cast(LOCAL)
    if found.century:
        recent = plain.re_extract(found.expression, found.groups["y"]).try_cast("int64") < found.century
        moment = ibis.ifelse(recent, plain.re_replace(found.expression, _iso(found, "20")).try_cast(LOCAL), moment)
    if "p" in found.groups:
        moment = _by_halves(moment, plain.re_extract(found.expression, found.groups["p"]).upper())
    return ibis.ifelse(fits, moment, ibis.null(LOCAL))


def from_milliseconds(count: ibis.Value) -> ibis.Value:
    """By timestamp_millis."""
    return without_zone(builtin("timestamp_millis", ABSOLUTE, "int64")(count))


def microseconds(moment: ibis.Value) -> ibis.Value:
    """By unix_micros, in a session of UTC."""
    return _micros(moment.cast(ABSOLUTE))


def written(number: ibis.Value) -> ibis.Value:
    """As DuckDB writes it, where Java says 1.23456785E7 or 1.0E20."""
    import ibis

    java, size = number.cast("string"), number.abs()
    plain = java.try_cast("decimal(38, 21)").cast("string").re_replace("0+$", "").re_replace(r"\.$", ".0")
    power = (
        java.re_replace(r"(\.0)?E(\d)", r"e+\2").re_replace(r"(\.0)?E-(\d)$", r"e-0\2").re_replace(r"(\.0)?E-", "e-")
    )
    return ibis.cases(
        (number.isinf(), ibis.ifelse(number > 0, "inf", "-inf")),
        ((size >= 1e-4) & (size < 1e16), plain),
        (size > 0, power),
        else_=java,
    )


def _at(moment: ibis.Value, zone: str) -> ibis.Value:
    return builtin("from_utc_timestamp", ABSOLUTE, ABSOLUTE, "string")(moment, zone)


def _micros(moment: ibis.Value) -> ibis.Value:
    return builtin("unix_micros", "int64", ABSOLUTE)(moment)


def _from_micros(count: ibis.Value) -> ibis.Value:
    return builtin("timestamp_micros", ABSOLUTE, "int64")(count)


def _iso(found: Reading, century: str = "19") -> str:
    """What replaces a text that fits: the same moment as an ISO date."""

    def part(letters: str, default: str) -> str:
        return next((rf"\{found.groups[letter]}" for letter in letters if letter in found.groups), default)

    year = part("Y", "") or century + part("y", "")
    fraction = "." + part("f", "") if "f" in found.groups else ""
    day = f"{year}-{part('m', '1')}-{part('d', '1')}"
    return f"{day} {part('HI', '0')}:{part('M', '0')}:{part('S', '0')}{fraction}"


def _months_as_numbers(text: ibis.Value, names: Sequence[str]) -> ibis.Value:
    for number, name in enumerate(names, 1):
        text = text.re_replace(rf"(?i)\b{name}\b", str(number))
    return text


def _by_halves(moment: ibis.Value, half: ibis.Value) -> ibis.Value:
    """12 AM is 0 h, 12 PM is 12 h."""
    import ibis

    noon = moment.hour() == 12
    hours = ibis.interval(hours=12)
    fitting = (moment.hour() > 0) & (moment.hour() <= 12)
    shifted = ibis.cases(
        ((half == "PM") & ~noon, moment + hours), ((half == "AM") & noon, moment - hours), else_=moment
    )
    return ibis.ifelse(fitting, shifted, ibis.null(LOCAL))
