"""Lines that are exact copies of another line, found without keeping every line in memory."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

MARK = "mark_"


def surplus(rows: ibis.Table) -> ibis.Table:
    """One row, `surplus`: how many rows to remove until no two are alike (null equals null here); null for none.

    Rows that are alike have equal hashes, so only rows whose hash comes twice are compared column by column. The hash
    differs from engine to engine, the result does not.
    """
    suspect = _suspects(rows)
    alike = suspect.group_by(list(rows.columns)).aggregate(copies_=suspect.count())
    return alike.aggregate(surplus=(alike["copies_"] - 1).sum())


def copies(rows: ibis.Table) -> ibis.Table:
    """The rows to remove until no two are alike, in the columns of `rows`."""
    import ibis

    suspect = _suspects(rows)
    numbered = suspect.mutate(copy_=ibis.row_number().over(group_by=list(rows.columns), order_by=suspect[MARK]))
    return numbered.filter(numbered["copy_"] > 0).select(*rows.columns)


def _suspects(rows: ibis.Table) -> ibis.Table:
    """The rows whose hash another row has too, with the hash in `mark_`."""
    hashes = (rows[name].hash().cast("int64").fill_null(0) for name in rows.columns)
    marked = rows.mutate(**{MARK: reduce(xor, hashes)})
    marks = marked.group_by(MARK).aggregate(rows_=marked.count())
    twice = marks.filter(marks["rows_"] > 1).select(MARK)
    return marked.semi_join(twice, MARK)
