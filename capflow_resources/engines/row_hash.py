"""A 64-bit hash of each row, by the engine's own function, to find out whether rows changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis


def row_hash(table: ibis.Table, columns: Sequence[ibis.Value]) -> ibis.ir.IntegerValue:
    """Return the hash of these columns of `table`, comparable on one engine only: DuckDB's hash(), Spark's xxhash64().

    The hash is hashed again: otherwise swapping a value between two rows could leave the sum of their hashes the same.
    Which columns are null is hashed too, because Spark skips nulls.
    """
    import ibis

    hashable = [_hashable(column) for column in columns]
    nulls: ibis.ir.IntegerValue = ibis.literal(0, "int64")
    for place, column in enumerate(hashable):
        nulls = nulls + ibis.ifelse(column.isnull(), 2 ** (place % 62), 0).cast("int64")
    row = ibis.struct({f"c{place}": column for place, column in enumerate(hashable)} | {"nulls": nulls})
    name, dtype = ("hash", "uint64") if table.get_backend().name == "duckdb" else ("xxhash64", "int64")
    once = ibis.udf.scalar.builtin(_hash, name=name, signature=((row.type(),), dtype))
    again = ibis.udf.scalar.builtin(_hash, name=name, signature=((dtype,), dtype))
    hashed: ibis.ir.IntegerValue = again(once(row))
    return hashed


def _hashable(column: ibis.Value) -> ibis.Value:
    """Return nested columns and JSON as text: maps have no hash on Spark."""
    dtype = column.type()
    return column.cast("string") if dtype.is_nested() or dtype.is_json() else column


def _hash(value: object) -> int:  # type: ignore[empty-body]
    """Stand for the engine's function of the given name."""
