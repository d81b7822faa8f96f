"""The ledger: how the last attempt at each asset of each customer ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from capflow_resources.registry.dialect import insert_into
from capflow_resources.registry.records import STATUSES, LedgerEntry, now, utc
from capflow_resources.registry.tables import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection


def record(connection: Connection, entries: Iterable[LedgerEntry]) -> None:
    """Write entries over those of the same customer and asset; of two in one call the later one wins.

    Raises ValueError for an unknown status.
    """
    at = now()
    last = {(entry.customer, entry.asset): entry for entry in entries}
    if not last:
        return
    rows = []
    for key in sorted(last):  # the same order in every process: two batches on PostgreSQL cannot deadlock
        entry = last[key]
        if entry.status not in STATUSES:
            raise ValueError(f"{entry.status!r} is not an outcome of {key}: use one of {', '.join(STATUSES)}.")
        as_of = None if entry.as_of is None else utc(entry.as_of)
        rows.append(asdict(entry) | {"as_of": as_of, "at": at})
    table = tables().outcome
    new = insert_into(connection, table)
    updated = {name: new.excluded[name] for name in ("status", "reason", "run_id", "as_of", "at")}
    connection.execute(new.on_conflict_do_update(index_elements=["customer", "asset"], set_=updated), rows)


def read(connection: Connection, customer: str | None = None) -> list[LedgerEntry]:
    """Return the entries of one customer or of all, by customer and asset."""
    from sqlalchemy import select

    table = tables().outcome
    query = select(table).order_by(table.c.customer, table.c.asset)
    if customer is not None:
        query = query.where(table.c.customer == customer)
    return [LedgerEntry(**row) for row in connection.execute(query).mappings()]
