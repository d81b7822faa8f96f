"""Rows that were read from a watermark on, put in the place of the stored rows that they replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_resources.sources.changes.content import has_same_rows, unify_types
from capflow_resources.sources.changes.watermark import Value, Watermark, WatermarkError
from capflow_resources.sources.columns import WATERMARK
from partitions.customer import Incremental

if TYPE_CHECKING:
    import ibis


@dataclass(frozen=True)
class Increment:
    """The whole table with the new rows in it (`merged`; None when it would be the same), and how many rows were

    `read`; `late`, which is more rows from before the last highest watermark than there were; and `replaced`.
    """

    merged: ibis.Table | None
    read: int
    late: int
    replaced: int


def merge_increment(
    stored: ibis.Table, read: ibis.Table, begin: Value, last: Watermark, key: Sequence[str]
) -> Increment | None:
    """What becomes of `stored` by the rows `read`, all of the source whose watermark is `begin` or later.

    They take the place of the stored rows from `begin` on, and of older ones with the same `key`. None where the
    types of both do not fit: then all must be read again. `last` is the highest watermark of the stored rows.
    """
    both = unify_types(stored, read)
    if both is None:
        return None
    stored, read = both
    window = stored.filter(stored[WATERMARK] >= begin)
    read_rows, read_early = _count_with_early(read, last)
    stored_rows, stored_early = _count_with_early(window, last)
    late = max(0, read_early - stored_early)
    if read_rows == stored_rows and has_same_rows(window, read):
        return Increment(None, read_rows, late, 0)
    kept = stored.filter(stored[WATERMARK] < begin)
    if key:
        kept = kept.anti_join(read.select(list(key)).distinct(), list(key))
    return Increment(kept.union(read), read_rows, late, _count(stored) - _count(kept))


def check_key(asked: Incremental, read: ibis.Table) -> None:
    """WatermarkError where rows of one key have different watermarks.

    Of such a key a reading may bring some rows and not the others, which would be lost: all rows of a key are replaced.
    """
    if not asked.key:
        return
    keyed = read.filter([read[name].notnull() for name in asked.key])
    groups = keyed.group_by(list(asked.key)).aggregate(first=keyed[WATERMARK].min(), last=keyed[WATERMARK].max())
    scattered = _count(groups.filter(groups["first"] != groups["last"]))
    if scattered:
        raise WatermarkError(
            f"{scattered:,} times rows of one {', '.join(asked.key)} have different '{asked.watermark}': the key must "
            "name rows that are always restated together"
        )


def is_unchanged(stored: ibis.Table, read: ibis.Table) -> bool:
    """Whether a source gave exactly the rows that are stored already."""
    both = unify_types(stored, read)
    return both is not None and has_same_rows(*both)


def _count(rows: ibis.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())


def _count_with_early(rows: ibis.Table, last: Watermark) -> tuple[int, int]:
    """All rows, and those from before the highest watermark of the last reading."""
    early = (rows[WATERMARK] < last.value).sum().fill_null(0)
    found = rows.aggregate(all=rows.count(), early=early).to_pyarrow().to_pylist()[0]
    return int(found["all"]), int(found["early"])
