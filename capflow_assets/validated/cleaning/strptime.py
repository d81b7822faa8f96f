"""A strptime pattern as a regular expression, for engines without a strptime of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    """A date format that only some engines can read."""


@dataclass(frozen=True)
class DatePattern:
    """The expression, the number of each directive's group in it, and what else a pattern asks for.

    `months`: the names that must become numbers first. `century`: two-digit years below it are of 2000.
    """

    expression: str
    groups: Mapping[str, int]
    months: Sequence[str]
    century: int | None


def compile_pattern(pattern: str) -> DatePattern:
    """The pattern as a regular expression; FormatError for a directive that has none."""
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
