"""A 64-bit hash of a row, by the engine's own function: to tell whether rows changed, on one engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis


def row_hash(table: ibis.Table, columns: Sequence[ibis.Value]) -> ibis.ir.IntegerValue:
    """The hash of these columns of `table`; other values on another engine.

    DuckDB's hash() and Spark's xxhash64(). The hash is hashed again, or swapping one value between two rows could
    leave the sum of their hashes the same; which columns are null is part of the row, for Spark skips nulls.
    """
    import ibis

    plain = [_plain(column) for column in columns]
    nulls: ibis.ir.IntegerValue = ibis.literal(0, "int64")
    for place, column in enumerate(plain):
        nulls = nulls + ibis.ifelse(column.isnull(), 2 ** (place % 62), 0).cast("int64")
    row = ibis.struct({f"c{place}": column for place, column in enumerate(plain)} | {"nulls": nulls})
    name, dtype = ("hash", "uint64") if table.get_backend().name == "duckdb" else ("xxhash64", "int64")
    once = ibis.udf.scalar.builtin(_hash, name=name, signature=((row.type(),), dtype))
    again = ibis.udf.scalar.builtin(_hash, name=name, signature=((dtype,), dtype))
    found: ibis.ir.IntegerValue = again(once(row))
    return found


def _plain(column: ibis.Value) -> ibis.Value:
    """Maps have no hash on Spark."""
    dtype = column.type()
    return column.cast("string") if dtype.is_nested() or dtype.is_json() else column


def _hash(value: object) -> int:  # type: ignore[empty-body]
    """The engine's function of the name given."""
