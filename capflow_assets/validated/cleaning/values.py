"""Conversion of source values to canonical types; unreadable ones become null, so that the audit can count them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.dialect import dialect_of

if TYPE_CHECKING:
    import ibis

LARGEST_WHOLE_FLOAT = 2**53
NO_NUMBER = r"[^0-9eE+.\-\s]"
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")


def text(value: ibis.Value) -> ibis.ir.StringValue:
    """Convert to text without surrounding blanks, null when nothing is left; an id sent as 13085.0 becomes "13085"."""
    import ibis

    kind = value.type()
    if kind.is_floating():
        near = value.try_cast("int64")
        is_whole = (value.abs() < LARGEST_WHOLE_FLOAT) & (near.cast("float64") == value)
        written = ibis.ifelse(is_whole, near.cast("string"), dialect_of(value).format_number(value))
        return ibis.ifelse(value.isnan(), ibis.null("string"), written)
    written = value.cast("string")
    if kind.is_decimal():
        return written.re_replace(r"\.0+$", "")
    return written.strip().nullif("")


def number(value: ibis.Value) -> ibis.ir.FloatingValue:
    """Convert to a float; null for text that is no number, and for NaN and infinity, which would spoil every sum."""
    import ibis

    kind = value.type()
    if kind.is_string():
        # Spark parses 5d and 0x1p3 as numbers, DuckDB 1_000: none of them is one.
        read = ibis.ifelse(value.re_search(NO_NUMBER), ibis.null("float64"), value.strip().try_cast("float64"))
    elif kind.is_numeric():
        read = value.cast("float64")
    else:
        return ibis.null("float64")
    return ibis.ifelse(read.isnan() | read.isinf(), ibis.null("float64"), read)


def whole(value: ibis.Value) -> ibis.ir.IntegerValue:
    """Convert to an integer, rounded; null where there is no number, or one too large to be exact."""
    import ibis

    read = number(value)
    return ibis.ifelse(read.abs() < LARGEST_WHOLE_FLOAT, read, ibis.null("float64")).round()


def flag(value: ibis.Value) -> ibis.ir.BooleanValue:
    """Convert to a boolean, also from numbers (0 is false) and words like yes and no; null for anything else."""
    import ibis

    if value.type().is_boolean():
        return value
    if value.type().is_numeric():
        return number(value) != 0
    word = text(value).lower()
    return ibis.cases((word.isin(TRUE_WORDS), True), (word.isin(FALSE_WORDS), False), else_=ibis.null("boolean"))
