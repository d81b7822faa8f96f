"""What makes a row the same row tomorrow: a fingerprint of its values that every engine computes alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from capflow_assets.validated.cleaning.dialect import dialect
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

ROW_ID = "row_id"


def identity(columns: Sequence[str], mapping: TableMapping | None) -> list[str]:
    """The columns of a table that tell its rows apart: those that the customer sends.

    What cleaning works out follows from them, but for the number of an anonymous bill, which new rows may move.
    """
    if mapping is None:
        return list(columns)
    return [name for name in columns if name in mapping.columns or name.startswith("attribute_")]


def row_id(rows: ibis.Table, columns: Sequence[str]) -> ibis.ir.StringColumn:
    """Each row's fingerprint: the md5 of `columns` and their values as text, by name; rows that are alike share one.

    Text, whole and other numbers, flags and times; the same on every engine.
    """
    return reduce(add, (_written(rows[name], name) for name in sorted(columns))).hexdigest("md5")


def _written(value: ibis.Value, name: str) -> ibis.ir.StringValue:
    import ibis

    kind = value.type()
    if kind.is_string():
        text = value.replace(";", ";;")  # so that no value reads like the end of one and the beginning of the next
    elif kind.is_timestamp():
        text = dialect(value).microseconds(value).cast("string")
    elif kind.is_floating():
        text = ibis.ifelse(value.isnan(), ibis.literal("nan"), dialect(value).written(value))
    else:
        text = value.cast("string")
    return ibis.ifelse(value.isnull(), ibis.literal(f"{name}; "), ibis.literal(f"{name}=") + text + "; ")
