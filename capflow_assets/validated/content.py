"""Multiset hashes of what a table held before a date: equal counts and sums of row hashes mean the same rows.

A validated table is summarised once, when it is written, by the interval between two anchors in which each row became
known. What was known before an anchor is the sum of the intervals before it, so a late, restated, deleted or re-mapped
row can be distinguished from rows that came after the date without reading the table again. Two different sets of rows
collide with a probability of one in 2**63 (Clarke et al., "Incremental Multiset Hash Functions", 2003). The hashes are
the engine's own and do not protect against forgery.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.validated.anchors import STEP_DAYS, anchor_index
from capflow_resources.engines.row_hash import row_hash

if TYPE_CHECKING:
    import ibis

Content = Mapping[str, Any]

TIME_COLUMNS = {"line_items": "ts", "bills": "ts", "contacts": "sent_at", "reviews": "ts"}
"""When a row of a table happened; the other tables have no history."""

ALWAYS = "always"  # rows known at every date: items, and users without a first date
PIECES = 3
PIECE_BITS = 21  # sums of such pieces stay below 2**63 for 4 million million rows
DAY_SECONDS = 86_400


def summarise_content(name: str, table: ibis.Table) -> dict[str, Any]:
    """Summarise one validated table as counts and sums, JSON-ready, in one pass (two for contacts).

    `intervals` maps an interval's number to its `rows`, their `sums` and the latest time in it (`until`); for
    line_items and bills also to the sums `bills`, by which `bills_are_complete` compares line counts with lines.
    """
    found: dict[str, dict[str, Any]] = {}
    for events in _dated_rows(name, table):
        for row in _sum_by_interval(name, events).to_pyarrow().to_pylist():
            at = ALWAYS if row["interval"] is None else str(row["interval"])
            found[at] = _merge_intervals(found[at], _interval(row)) if at in found else _interval(row)
    columns = {column: str(dtype) for column, dtype in table.schema().items()}
    return {"columns": columns, "intervals": found}


def content_before(held: Content, date: datetime) -> dict[str, Any]:
    """Return the summary of the rows known before `date`; between two anchors that includes `date`'s whole interval."""
    parts = _intervals_before(held, date)
    return {"columns": held["columns"], "rows": sum(part["rows"] for part in parts), "sums": _sum_pieces(parts, "sums")}


def bills_are_complete(line_items: Content, bills: Content, date: datetime) -> bool:
    """Return whether every bill begun before `date` counts exactly the lines known by then, so none needs restating.

    False where that is unknown: rows after a date that lies between two anchors share its interval.
    """
    lines, counted = _intervals_before(line_items, date), _intervals_before(bills, date)
    if any(part["until"] >= date.isoformat() for part in [*lines, *counted]):
        return False
    return _sum_pieces(lines, "bills") == _sum_pieces(counted, "bills")


def _intervals_before(held: Content, date: datetime) -> list[dict[str, Any]]:
    last = anchor_index(date)
    return [part for at, part in held["intervals"].items() if at == ALWAYS or int(at) < last]


def _sum_pieces(parts: list[dict[str, Any]], name: str) -> list[int]:
    return [sum(part[name][piece] for part in parts) for piece in range(PIECES)]


def _interval(row: Mapping[str, Any]) -> dict[str, Any]:
    interval = {"rows": row["rows"], "sums": [row[f"sum_{piece}"] for piece in range(PIECES)]}
    if row["until"] is not None:
        interval["until"] = row["until"].isoformat()
    if "bill_0" in row:
        interval["bills"] = [row[f"bill_{piece}"] for piece in range(PIECES)]
    return interval


def _merge_intervals(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    latest = max(one["until"], other["until"])
    return {"rows": one["rows"] + other["rows"], "sums": _sum_pieces([one, other], "sums"), "until": latest}


def _dated_rows(name: str, table: ibis.Table) -> list[ibis.Table]:
    """Return the rows with `at`, when each became known (null: always), as features.snapshots.cut_before has it.

    A contact is known when it is sent, its response when that arrives: two tables.
    """
    import ibis

    if name == "contacts":
        answer = ibis.greatest(table.sent_at, table.responded_at)
        sent = table.filter(table.sent_at.notnull())
        return [
            sent.drop("responded_at").mutate(at=sent.sent_at),
            table.filter(table.sent_at.notnull(), table.responded_at.notnull()).mutate(at=answer),
        ]
    if name in TIME_COLUMNS:
        time = TIME_COLUMNS[name]
        return [table.filter(table[time].notnull()).mutate(at=table[time])]
    at = table.first_seen if name == "users" else ibis.null("timestamp")
    return [table.mutate(at=at)]


def _sum_by_interval(name: str, events: ibis.Table) -> ibis.Table:
    import ibis

    columns = [events[column] for column in sorted(events.columns) if column != "at"]
    pieces = {f"sum_{k}": piece for k, piece in enumerate(_split_hash(row_hash(events, columns)))}
    if name in ("line_items", "bills"):
        lines = events.line_item_count.fill_null(0) if name == "bills" else ibis.literal(1, "int64")
        pieces |= {
            f"bill_{k}": piece * lines for k, piece in enumerate(_split_hash(row_hash(events, [events.bill_id])))
        }
    day = events.at.truncate("D").epoch_seconds() // DAY_SECONDS
    hashed = events.select("at", interval=(day // STEP_DAYS).cast("int64"), **pieces)
    return hashed.group_by("interval").aggregate(
        rows=hashed.count(),
        until=hashed["at"].max(),
        **{piece: hashed[piece].sum() for piece in pieces},
    )


def _split_hash(hashed: ibis.ir.IntegerValue) -> list[ibis.ir.IntegerValue]:
    """Split 63 bits of a hash into three positive pieces, whose sums overflow on no engine."""
    import ibis

    mask = ibis.literal(2**PIECE_BITS - 1, hashed.type())
    return [((hashed >> ibis.literal(PIECE_BITS * k, "int8")) & mask).cast("int64") for k in range(PIECES)]
