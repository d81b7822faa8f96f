"""What an engine hands the lake: Parquet files that it has written and nobody sees before they are committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt


@dataclass(frozen=True)
class WrittenFile:
    """One Parquet file by its path under the folder that it was asked for in, its bytes and its rows.

    `holds` names the one value of a column that all its rows have, in a table that is divided by that column.
    """

    path: str
    bytes: int
    rows: int
    holds: Mapping[str, str] = field(default_factory=dict)


def storable(data: ibis.Table) -> ibis.Table:
    """The rows in types that Delta can hold: microseconds in UTC or without a zone, signed integers, plain text."""
    return data.select(**{name: data[name].cast(_storable(dtype)) for name, dtype in data.schema().items()})


def _storable(dtype: dt.DataType) -> dt.DataType:
    import ibis.expr.datatypes as dt

    if dtype.is_timestamp():
        return dt.Timestamp(timezone="UTC" if dtype.timezone else None)
    if dtype.is_unsigned_integer():
        return dt.int64
    if dtype.is_float16():
        return dt.float32
    if dtype.is_decimal():
        return dtype if dtype.precision is not None else dt.float64
    plain = dtype.is_numeric() or dtype.is_boolean() or dtype.is_string() or dtype.is_date() or dtype.is_binary()
    return dtype if (plain and not dtype.is_json() and not dtype.is_uuid()) or dtype.is_nested() else dt.string
