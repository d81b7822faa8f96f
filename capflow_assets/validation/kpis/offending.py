"""The rows to blame for a KPI that is out of bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.validation.kpis.copies import surplus_copies
from capflow_assets.validation.kpis.integrity import RELATIONS, unknown_rows
from capflow_assets.validation.kpis.kpis import rows_before, rows_from
from capflow_assets.validation.kpis.prices import price_outliers

if TYPE_CHECKING:
    import ibis

_LINE_FILTERS: Mapping[str, Callable[[ibis.Table], ibis.Table]] = {
    "return_share": lambda lines: lines.filter(lines["is_return"]),
    "duplicate_share": surplus_copies,
    "zero_price_share": lambda lines: lines.filter(~lines["is_return"], lines["unit_price"] <= 0),
    "price_outlier_share": lambda lines: price_outliers(lines.filter(~lines["is_return"])),
}
BLAMED: Mapping[str, str] = {
    **dict.fromkeys(_LINE_FILTERS, "line_items"),
    "future_share": "line_items",
    "anonymous_share": "bills",
    **{kpi: relation.table for kpi, relation in RELATIONS.items()},
}
"""The KPIs that have rows to blame, each with the table of these rows."""


def offending_rows(kpi: str, tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table | None:
    """Return the rows to blame for `kpi`, lazily, from validated tables before `as_of`; None where no single rows are.

    They have the columns of their table (`BLAMED`); price outliers also have `usual_price`, the item's median. There
    are as many as the KPI counted: duplicates without the one that may stay. `tables` are `line_items`, `bills`, and
    what else the customer sends.
    """
    needed = {BLAMED.get(kpi, ""), *(RELATIONS[kpi].needs if kpi in RELATIONS else ())}
    if not needed <= set(tables):
        return None
    if kpi == "future_share":
        return rows_from(tables["line_items"], as_of)
    known = {name: rows_before(table, as_of) for name, table in tables.items()}
    if kpi == "anonymous_share":
        return known["bills"].filter(known["bills"]["user_id"].isnull())
    return unknown_rows(kpi, known) if kpi in RELATIONS else _LINE_FILTERS[kpi](known["line_items"])
