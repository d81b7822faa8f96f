"""The CSV dialect of a source, from the options in its customer file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_resources.sources.errors import SourceError, file_name, source_error
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    import ibis

BLANKS = (" ", "\u00a0", "\u202f")  # thousands separators of French and Polish files, written by many programs


@dataclass(frozen=True)
class CsvFormat:
    """A CSV dialect. `columns` names the columns of files without a header; `skip` lines precede the header or rows."""

    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str = ""
    comment: str = ""
    skip: int = 0
    columns: tuple[str, ...] = ()
    null: tuple[str, ...] = ()

    @property
    def has_own_numbers(self) -> bool:
        """Whether numbers have a thousands separator or another decimal separator than a point."""
        return bool(self.thousands) or self.decimal != "."


def csv_format(customer: Customer, source: Source) -> CsvFormat:
    """Read the options of a CSV source; raises SourceError for an invalid one."""
    options = source.options
    form = CsvFormat(
        delimiter=_character_option(customer, source, "delimiter", ","),
        quote=_character_option(customer, source, "quote", '"'),
        decimal=_character_option(customer, source, "decimal", "."),
        thousands=_character_option(customer, source, "thousands", ""),
        comment=_character_option(customer, source, "comment", ""),
        skip=_count_option(customer, source, "skip"),
        columns=_to_words(options.get("columns", ())),
        null=_to_words(options.get("null", ())),
    )
    if form.decimal == form.thousands:
        raise option_error(customer, source, f"decimal and thousands are both '{form.decimal}'")
    if double := next((name for name in form.columns if form.columns.count(name) > 1), None):
        raise option_error(customer, source, f"columns has '{double}' twice")
    return form


def to_plain_number(value: ibis.ir.StringValue, form: CsvFormat) -> ibis.ir.StringValue:
    """Return number texts with a decimal point and no thousands separator; other text stays, for validation to show.

    Text that parses as a number but not in this dialect ("1.500", where the decimal separator is a comma) becomes
    null: its value is ambiguous.
    """
    import re

    import ibis

    if form.thousands in BLANKS:
        value = value.re_replace("[\u00a0\u202f]", " ")
    thousands, decimal = " " if form.thousands in BLANKS else form.thousands, form.decimal
    whole = rf"(\d+|\d{{1,3}}({re.escape(thousands)}\d{{3}})+)" if thousands else r"\d+"
    is_number = value.strip().re_search(
        rf"^[+-]?({whole}({re.escape(decimal)}\d*)?|{re.escape(decimal)}\d+)([eE][+-]?\d+)?$"
    )
    plain = value.replace(thousands, "") if thousands else value
    misread = value.strip().try_cast("float64").notnull()
    return ibis.cases((is_number, plain.replace(decimal, ".")), (misread, ibis.null("string")), else_=value)


def option_error(customer: Customer, source: Source, what: str) -> SourceError:
    """Build the error for an invalid option."""
    return source_error(customer, source, what, f"Correct sources.{source.name}.options in {file_name(customer)}.")


def _character_option(customer: Customer, source: Source, name: str, default: str) -> str:
    value = source.options.get(name, default)
    if not isinstance(value, str) or (len(value) != 1 and value != default):
        raise option_error(customer, source, f"{name} must be one sign, in quotes")
    return value


def _count_option(customer: Customer, source: Source, name: str) -> int:
    value = source.options.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise option_error(customer, source, f"{name} must be a number of lines")
    return value


def _to_words(value: Any) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    return (str(value),)
