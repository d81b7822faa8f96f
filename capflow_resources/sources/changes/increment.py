"""Merging the rows read from a watermark on into the stored table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_resources.engines.quoting import quote_name
from capflow_resources.sources.changes.watermark import Value, Watermark, WatermarkError
from capflow_resources.sources.columns import WATERMARK
from partitions.customer import Incremental

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt


@dataclass(frozen=True)
class Increment:
    """The result of an incremental read.

    `merged` is the whole table with the new rows, None if it would be the same. `read`, `late` and `replaced` count
    rows: those read, the additional ones from before the last highest watermark, and the stored ones replaced.
    """

    merged: ibis.Table | None
    read: int
    late: int
    replaced: int


def merge_increment(
    stored: ibis.Table, read: ibis.Table, lower_bound: Value, last: Watermark, key: Sequence[str]
) -> Increment | None:
    """Merge the rows `read`, all of the source whose watermark is `lower_bound` or later, into `stored`.

    They replace the stored rows from `lower_bound` on, and older ones with the same `key`. `last` is the highest
    watermark of the stored rows. None if the types of both do not fit: everything must then be read again.
    """
    both = unify_types(stored, read)
    if both is None:
        return None
    stored, read = both
    window = stored.filter(stored[WATERMARK] >= lower_bound)
    read_rows, read_early = _count_with_early(read, last)
    stored_rows, stored_early = _count_with_early(window, last)
    late = max(0, read_early - stored_early)
    if read_rows == stored_rows and has_same_rows(window, read):
        return Increment(None, read_rows, late, 0)
    older = stored.filter(stored[WATERMARK] < lower_bound)
    if key:
        older = older.anti_join(read.select(list(key)).distinct(), list(key))
    return Increment(older.union(read), read_rows, late, _count(stored) - _count(older))


def check_key(incremental: Incremental, read: ibis.Table) -> None:
    """Raise WatermarkError if rows of one key have different watermarks.

    A read may return some rows of such a key and not the others, which would be lost: all rows of a key are replaced.
    """
    if not incremental.key:
        return
    keyed = read.filter([read[name].notnull() for name in incremental.key])
    groups = keyed.group_by(list(incremental.key)).aggregate(first=keyed[WATERMARK].min(), last=keyed[WATERMARK].max())
    scattered = _count(groups.filter(groups["first"] != groups["last"]))
    if scattered:
        raise WatermarkError(
            f"{scattered:,} values of {', '.join(incremental.key)} have rows with different '{incremental.watermark}': "
            "the key must name rows that are always restated together"
        )


def is_unchanged(stored: ibis.Table, read: ibis.Table) -> bool:
    """Return whether a source gave exactly the rows that are stored already."""
    both = unify_types(stored, read)
    return both is not None and has_same_rows(*both)


def has_same_rows(some: ibis.Table, others: ibis.Table) -> bool:
    """Return whether both tables hold the same rows, each as often; both on one DuckDB, with equal columns and types.

    Compares the row count and the sum of a 64-bit hash per row: a difference is missed once in 2^64 times. The same
    DuckDB computes both sums at the same time, because its hash may differ between versions.
    """
    return _count_and_hash(some) == _count_and_hash(others.select(some.columns))


def unify_types(rows: ibis.Table, others: ibis.Table) -> tuple[ibis.Table, ibis.Table] | None:
    """Cast both tables to the wider of their types, column by column; None if no type holds the values of both."""
    if set(rows.columns) != set(others.columns):
        return None
    wider = {name: _wider_type(rows[name].type(), others[name].type()) for name in rows.columns}
    if any(dtype is None for dtype in wider.values()):
        return None
    one, other = (
        table.select(**{name: table[name].cast(dtype) for name, dtype in wider.items()}) for table in (rows, others)
    )
    return one, other


def _wider_type(one: dt.DataType, other: dt.DataType) -> dt.DataType | None:
    import ibis.expr.datatypes as dt

    if dt.castable(one, other):
        return other
    return one if dt.castable(other, one) else None


def _count_and_hash(rows: ibis.Table) -> tuple[int, int | None]:
    con = rows.get_backend()
    con._run_pre_execute_hooks(rows)  # registers in-memory tables with DuckDB
    columns = ", ".join(map(quote_name, rows.columns))
    sql = f"SELECT count(*), sum(hash({columns})) FROM ({con.compile(rows)})"
    count, total = con.raw_sql(sql).fetchone()
    return int(count), total


def _count(rows: ibis.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())


def _count_with_early(rows: ibis.Table, last: Watermark) -> tuple[int, int]:
    """Return the number of rows, and of those from before the highest watermark of the last read."""
    early = (rows[WATERMARK] < last.value).sum().fill_null(0)
    found = rows.aggregate(all=rows.count(), early=early).to_pyarrow().to_pylist()[0]
    return int(found["all"]), int(found["early"])
