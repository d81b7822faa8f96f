"""The Parquet files that an engine writes for the lake, invisible until they are committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt


@dataclass(frozen=True)
class WrittenFile:
    """One Parquet file: its path under the table's folder, its size in bytes and its rows.

    `partition_values` gives the value of the partition column, in a partitioned table.
    """

    path: str
    bytes: int
    rows: int
    partition_values: Mapping[str, str] = field(default_factory=dict)


def storable(data: ibis.Table) -> ibis.Table:
    """Return the rows in types that Delta holds: microseconds in UTC or without a zone, signed integers, plain text."""
    return data.select(**{name: data[name].cast(_delta_type(dtype)) for name, dtype in data.schema().items()})


def _delta_type(dtype: dt.DataType) -> dt.DataType:
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
