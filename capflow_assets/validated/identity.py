"""The identity of a row: a hash of its values that is the same on every engine and in every load."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.dialect import dialect_of
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

ROW_ID = "row_id"


def identity_columns(columns: Sequence[str], mapping: TableMapping | None) -> list[str]:
    """Return the columns that identify a row: those that the customer sends; all of `columns` for a derived table.

    Derived columns follow from them, except the number of an anonymous bill, which new rows may shift.
    """
    if mapping is None:
        return list(columns)
    return [name for name in columns if name in mapping.columns or name.startswith("attribute_")]


def row_id(rows: ibis.Table, columns: Sequence[str]) -> ibis.ir.StringColumn:
    """Return each row's id: the md5 of the names of `columns` and their values as text, sorted by name.

    Identical rows share one id. Handles text, integers, floats, booleans and timestamps; the same on every engine.
    """
    return reduce(add, (_value_text(rows[name], name) for name in sorted(columns))).hexdigest("md5")


def _value_text(value: ibis.Value, name: str) -> ibis.ir.StringValue:
    import ibis

    kind = value.type()
    if kind.is_string():
        text = value.replace(";", ";;")  # so that no value can look like a separator
    elif kind.is_timestamp():
        text = dialect_of(value).microseconds(value).cast("string")
    elif kind.is_floating():
        text = ibis.ifelse(value.isnan(), ibis.literal("nan"), dialect_of(value).format_number(value))
    else:
        text = value.cast("string")
    return ibis.ifelse(value.isnull(), ibis.literal(f"{name}; "), ibis.literal(f"{name}=") + text + "; ")
