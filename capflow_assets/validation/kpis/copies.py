"""Duplicate lines: exact copies of another line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis


def count_surplus(rows: ibis.Table) -> ibis.Table:
    """Return one row, `surplus`: how many rows to remove until no two are identical (null equals null); null for none.

    Groups by the columns themselves: comparing hashes first took more time and memory (benchmarks/kpis.py).
    """
    alike = rows.group_by(list(rows.columns)).aggregate(copies_=rows.count())
    return alike.aggregate(surplus=(alike["copies_"] - 1).sum())


def surplus_copies(rows: ibis.Table) -> ibis.Table:
    """Return the rows to remove until no two are identical, in the columns of `rows`."""
    import ibis

    order = rows[rows.columns[0]]  # identical rows tie in every column: any of them may stay
    numbered = rows.mutate(copy_=ibis.row_number().over(group_by=list(rows.columns), order_by=order))
    return numbered.filter(numbered["copy_"] > 0).select(*rows.columns)
