"""The dialect of Spark, with DuckDB's results; the session's time zone must be UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.builtin import ABSOLUTE, LOCAL, engine_function

if TYPE_CHECKING:
    import ibis

LATER_HOURS = 3  # longer than any hour that was ever repeated
DIRECTIVES = {
    "Y": r"(\d{4})",
    "y": r"(\d{2})",
    "m": r"(\d{1,2})",
    "b": r"(\d{1,2})",  # after month names have become numbers
    "B": r"(\d{1,2})",
    "d": r"(\d{1,2})",
    "H": r"(\d{1,2})",
    "I": r"(\d{1,2})",
    "M": r"(\d{1,2})",
    "S": r"(\d{1,2})",
    "f": r"(\d{1,6})",
    "p": r"([AaPp][Mm])",
    "a": r"(?i:mon|tue|wed|thu|fri|sat|sun)",
    "A": r"(?i:monday|tuesday|wednesday|thursday|friday|saturday|sunday)",
    "%": "%",
}
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
SHORT = {"%x": "%Y-%m-%d", "%X": "%H:%M:%S", "%c": "%Y-%m-%d %H:%M:%S"}
CENTURY = 69  # 68 is 2068, 69 is 1969, as POSIX says


class FormatError(ValueError):
    """A date format that only some engines can parse."""


@dataclass(frozen=True)
class DatePattern:
    """A strptime pattern as a regular expression, with the number of each directive's group in it.

    `months` are names to replace by numbers first. Two-digit years below `century` are in the 2000s.
    """

    expression: str
    groups: Mapping[str, int]
    months: Sequence[str]
    century: int | None


def compile_pattern(pattern: str) -> DatePattern:
    """Compile a strptime pattern to a regular expression; raises FormatError for a directive that has none."""
    for short, long in SHORT.items():
        pattern = pattern.replace(short, long)
    expression = ""
    groups: dict[str, int] = {}
    for directive, literal in re.findall(r"%-?(.)|([^%]+)", pattern):
        if literal:
            expression += re.escape(literal)
            continue
        if directive not in DIRECTIVES:
            raise FormatError(
                f"format '{pattern}': %{directive} cannot be read on Spark: set engine: duckdb, or send ISO dates"
            )
        if DIRECTIVES[directive].startswith("(") and not DIRECTIVES[directive].startswith("(?"):
            groups["m" if directive in "bB" else directive] = len(groups) + 1
        expression += DIRECTIVES[directive]
    months = MONTHS if "%B" in pattern else [name[:3] for name in MONTHS] if "%b" in pattern else []
    return DatePattern(rf"^\s*{expression}\s*$", groups, months, CENTURY if "y" in groups else None)


def to_utc(local: ibis.Value, zone: str) -> ibis.Value:
    """Convert to UTC; in a repeated hour to the later one, by the offset that holds afterwards."""
    import ibis

    here = local.cast(ABSOLUTE)
    first = engine_function("to_utc_timestamp", ABSOLUTE, ABSOLUTE, "string")(here, zone)
    after = first + ibis.interval(hours=LATER_HOURS)
    later = _from_micros(_micros(here) - (_micros(_to_local(after, zone)) - _micros(after)))
    return without_zone(ibis.ifelse(_to_local(later, zone) == here, later, first))


def without_zone(moment: ibis.Value) -> ibis.Value:
    """Convert to UTC without a zone: what a cast does in a UTC session."""
    return moment.cast(LOCAL)


def normalise_iso(text: ibis.Value) -> ibis.Value:
    """Use dashes and one blank: Spark cannot cast 2024/07/01  12:00."""
    return text.replace("/", "-").re_replace(r"(\d) +(\d)", r"\1 \2")


def parse_time(text: ibis.Value, pattern: str) -> ibis.Value:
    """Parse by a regular expression: Java's patterns differ from strptime in widths and spaces."""
    import ibis

    found = compile_pattern(pattern)
    plain = _months_as_numbers(text, found.months) if found.months else text
    fits = plain.re_search(found.expression)
    moment = plain.re_replace(found.expression, _iso(found)).try_cast(LOCAL)
    if found.century:
        recent = plain.re_extract(found.expression, found.groups["y"]).try_cast("int64") < found.century
        moment = ibis.ifelse(recent, plain.re_replace(found.expression, _iso(found, "20")).try_cast(LOCAL), moment)
    if "p" in found.groups:
        moment = _apply_half_day(moment, plain.re_extract(found.expression, found.groups["p"]).upper())
    return ibis.ifelse(fits, moment, ibis.null(LOCAL))


def from_milliseconds(count: ibis.Value) -> ibis.Value:
    """Convert by timestamp_millis."""
    return without_zone(engine_function("timestamp_millis", ABSOLUTE, "int64")(count))


def microseconds(moment: ibis.Value) -> ibis.Value:
    """Convert by unix_micros, in a UTC session."""
    return _micros(moment.cast(ABSOLUTE))


def format_number(number: ibis.Value) -> ibis.Value:
    """Write as DuckDB does (12345678.5, 1e+20), where Java writes 1.23456785E7 or 1.0E20."""
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


def _to_local(moment: ibis.Value, zone: str) -> ibis.Value:
    return engine_function("from_utc_timestamp", ABSOLUTE, ABSOLUTE, "string")(moment, zone)


def _micros(moment: ibis.Value) -> ibis.Value:
    return engine_function("unix_micros", "int64", ABSOLUTE)(moment)


def _from_micros(count: ibis.Value) -> ibis.Value:
    return engine_function("timestamp_micros", ABSOLUTE, "int64")(count)


def _iso(found: DatePattern, century: str = "19") -> str:
    """Return the replacement that rewrites a matching text as an ISO timestamp."""

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


def _apply_half_day(moment: ibis.Value, half: ibis.Value) -> ibis.Value:
    """Shift by AM or PM: 12 AM is 0 h, 12 PM is 12 h."""
    import ibis

    noon = moment.hour() == 12
    hours = ibis.interval(hours=12)
    fitting = (moment.hour() > 0) & (moment.hour() <= 12)
    shifted = ibis.cases(
        ((half == "PM") & ~noon, moment + hours), ((half == "AM") & noon, moment - hours), else_=moment
    )
    return ibis.ifelse(fitting, shifted, ibis.null(LOCAL))
