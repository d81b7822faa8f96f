"""Whether two sets of rows are the same, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.engines.quoting import quote_name

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt


def has_same_rows(some: ibis.Table, others: ibis.Table) -> bool:
    """Whether both hold the same rows, each as often; both lie on one DuckDB and have the same columns and types.

    Compared by the number of rows and the sum of a 64-bit hash of each: another row is missed once in 2^64 times.
    Both sums are made by the same DuckDB at the same time, for its hash may differ from version to version.
    """
    return _count_and_hash(some) == _count_and_hash(others.select(some.columns))


def unify_types(rows: ibis.Table, others: ibis.Table) -> tuple[ibis.Table, ibis.Table] | None:
    """Both tables in the wider of their types, column by column; None where no type holds the values of both."""
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
    con._run_pre_execute_hooks(rows)  # rows of memory tables are known to DuckDB only after this
    columns = ", ".join(map(quote_name, rows.columns))
    sql = f"SELECT count(*), sum(hash({columns})) FROM ({con.compile(rows)})"
    count, total = con.raw_sql(sql).fetchone()
    return int(count), total
