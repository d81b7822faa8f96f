"""Schema drift: whether a source still has the columns, and the kinds of values, that it had at the last read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# The first match of a type's name counts: "longtext" is text and "longblob" bytes before "long" is a number.
FAMILIES = (
    ("several kinds of values", r"mixed|\||^any$|variant"),
    ("lists or records", r"array|list|struct|^map|json|\bobject\b|document|dict|\[\]|^row\b|record|<|^[ml]$"),
    ("durations", r"interval|duration"),
    ("times", r"date|time"),
    ("yes or no", r"bool"),
    ("bytes", r"blob|binary|byte|image|^b$"),
    ("text", r"text|char|string|clob|^!?str\b|uuid|enum|objectid|^s$"),
    ("numbers", r"int|num|dec|double|float|real|serial|money|long|short|^n$"),
)


@dataclass(frozen=True)
class Drift:
    """What differs from the last read: new columns, columns that are gone, and columns with another kind of values.

    `retyped` are mapped columns only, each as (column, type before, type now).
    """

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()


def compare_columns(before: Mapping[str, str], now: Mapping[str, str], mapped: Iterable[str]) -> Drift:
    """Return what changed between two reads of a source, given each one's columns with types in the source's own words.

    A whole number that became a decimal, or a date that became a time, is not another kind of values; a number that
    became text is. An unrecognised type matches any.
    """
    return Drift(
        new=tuple(name for name in now if name not in before),
        gone=tuple(name for name in before if name not in now),
        retyped=tuple(
            (name, before[name], now[name])
            for name in mapped
            if name in before and name in now and _is_different(type_family(before[name]), type_family(now[name]))
        ),
    )


def type_family(written: str) -> str:
    """Return the kind of values of a type, from its name in any database; "" for an unrecognised type."""
    return next((name for name, pattern in FAMILIES if re.search(pattern, written.lower())), "")


def describe_retyped(retyped: Iterable[tuple[str, str, str]]) -> str:
    """Describe the columns that hold another kind of values, in one clause."""
    return "; ".join(
        f"column '{name}' held {type_family(before)} ({before}) and now holds {type_family(now)} ({now})"
        for name, before, now in retyped
    )


def _is_different(before: str, now: str) -> bool:
    return bool(before and now) and before != now
