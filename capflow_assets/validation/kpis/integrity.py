"""Referential integrity between a customer's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis


@dataclass(frozen=True)
class Relation:
    """Rows of `table` refer to other tables: `known` gives for each referring column the tables to look in.

    A row is looked up by the first of its columns that is filled; a row with none of them filled is not judged.
    `needs` are the tables that the customer must send itself for the relation to mean anything.
    """

    table: str
    known: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...]


_ITEM, _USER = ("items", "line_items"), ("users", "bills")
RELATIONS: Mapping[str, Relation] = {
    "unknown_item_share": Relation("line_items", {"item_id": ("items",)}, ("items",)),
    "unknown_user_share": Relation("line_items", {"user_id": ("users",)}, ("users",)),
    "lines_without_bill_share": Relation("line_items", {"bill_id": ("bills",)}, ("bills",)),
    "bills_without_lines_share": Relation("bills", {"bill_id": ("line_items",)}, ("bills",)),
    "unknown_contact_share": Relation("contacts", {"user_id": _USER}, ("contacts",)),
    "unknown_review_share": Relation("reviews", {"item_id": _ITEM, "user_id": _USER}, ("reviews",)),
    "unknown_media_share": Relation("media", {"item_id": _ITEM, "user_id": _USER}, ("media",)),
}
"""The relation of each KPI. Contacts, reviews and media may refer to users and items found only in bills and lines."""


def unknown_rows(kpi: str, tables: Mapping[str, ibis.Table]) -> ibis.Table:
    """Return the rows of a relation's table whose reference is found nowhere."""
    import ibis

    relation, parts = RELATIONS[kpi], []
    rest = tables[relation.table]
    for column, known in relation.known.items():
        named = rest.filter(rest[column].notnull())
        places = [tables[name].select(column) for name in known if name in tables]
        parts.append(named.anti_join(reduce(_union, places), column))
        rest = rest.filter(rest[column].isnull())
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)


def unknown_share(kpi: str, tables: Mapping[str, ibis.Table]) -> float | None:
    """Return the share of a relation's rows whose reference is found nowhere; None when no row refers to anything."""
    rows, unknown = tables[RELATIONS[kpi].table], unknown_rows(kpi, tables)
    named = reduce(lambda one, other: one | other, (rows[column].notnull() for column in RELATIONS[kpi].known))
    query = rows.aggregate(rows=named.sum()).cross_join(unknown.aggregate(unknown=unknown.count()))
    found = query.to_pyarrow().to_pylist()[0]
    return found["unknown"] / found["rows"] if found["rows"] else None


def _union(one: ibis.Table, other: ibis.Table) -> ibis.Table:
    return one.union(other, distinct=False)
