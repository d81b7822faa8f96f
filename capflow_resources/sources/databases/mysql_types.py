"""MySQL's types: the SQL that selects a column, and the Arrow type that holds its values exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.quoting import quote_name
from capflow_resources.sources.stream import StreamError

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = ("tinyint", "smallint", "mediumint", "int", "bigint", "year")
BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
TIMES = ("date", "datetime", "timestamp")
SENT_AS_BYTES = ("json", "uuid", "inet4", "inet6", "time")  # or in another encoding; CAST AS CHAR gives text


@dataclass(frozen=True)
class MySqlColumn:
    """A column of a table: the SQL that selects it, and the Arrow type that its text is parsed as."""

    name: str
    kind: str
    sql: str
    type: pa.DataType


def quote_mysql_name(name: str) -> str:
    """Return the name of a column or table in MySQL's SQL."""
    return quote_name(name, "`")


def describe_column(name: str, kind: str, written: str, precision: int | None, scale: int | None) -> MySqlColumn:
    """Return how to read a column, given its row of information_schema.columns.

    A date with a zero part is null. Bits are a whole number. Decimals of more than 38 digits are text.
    """
    import pyarrow as pa

    kind, sql, precision, scale = kind.lower(), quote_mysql_name(name), int(precision or 0), int(scale or 0)
    if kind in WHOLE:
        unsigned = kind == "bigint" and "unsigned" in written.lower()
        return MySqlColumn(name, kind, sql, pa.decimal128(20, 0) if unsigned else pa.int64())
    if kind == "bit":
        return MySqlColumn(
            name, kind, f"CAST({sql} AS UNSIGNED)", pa.decimal128(20, 0) if precision > 63 else pa.int64()
        )
    if kind == "decimal" and precision <= 38:
        return MySqlColumn(name, kind, sql, pa.decimal128(precision, scale))
    if kind in ("float", "double"):
        return MySqlColumn(name, kind, sql, pa.float64())
    if kind in TIMES:
        filled = f"CASE WHEN MONTH({sql}) > 0 AND DAYOFMONTH({sql}) > 0 THEN {sql} END"
        types = {"date": pa.date32(), "datetime": pa.timestamp("us"), "timestamp": pa.timestamp("us", tz="UTC")}
        return MySqlColumn(name, kind, filled, types[kind])
    if kind in BYTES:
        return MySqlColumn(name, kind, sql, pa.binary())
    if kind in SENT_AS_BYTES:
        return MySqlColumn(name, kind, f"CAST({sql} AS CHAR)", pa.string())
    if any(kind.endswith(shape) for shape in ("geometry", "point", "linestring", "polygon", "collection")):
        return MySqlColumn(name, kind, f"ST_AsText({sql})", pa.string())
    return MySqlColumn(name, kind, sql, pa.string())


def record_batch(rows: Iterable[Sequence[Any]], columns: Sequence[MySqlColumn], schema: pa.Schema) -> pa.RecordBatch:
    """Convert rows of text, as MySQL sends them, to their columns' types; raises StreamError for a misfit value."""
    import pyarrow as pa

    values = list(zip(*rows, strict=True))
    return pa.record_batch(
        [_to_array(column, texts) for column, texts in zip(columns, values, strict=True)], schema=schema
    )


def _to_array(column: MySqlColumn, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        written = pa.array(values, type=pa.binary() if pa.types.is_binary(column.type) else pa.string())
        if column.kind == "timestamp":
            return written.cast(pa.timestamp("us")).cast(column.type)
        return written.cast(column.type)
    except pa.ArrowException:
        raise StreamError(f"column '{column.name}' ({column.kind}) holds a value that is not of its type") from None
