"""The canonical tables: the same columns for every customer, whatever its sources look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Rule, Table
from capflow_assets.run.catalogue import table_module, tables
from capflow_assets.validated.cleaning.cleaning import Dropped, drop_rows
from capflow_assets.validated.tables.bills import derive_bills
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis


def clean(table: str, raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Convert raw rows to the columns and types of a canonical table.

    Unreadable values become null; no row is dropped, except by `distinct`. Times become UTC from `timezone`.
    """
    cleaned: ibis.Table = table_module(table).clean(raw, mapping, timezone)
    return cleaned


def required_columns(mapping: TableMapping) -> set[str]:
    """Return the columns that every row must fill unless nullable: mapped ones and those that cleaning derives."""
    return {*mapping.columns, *getattr(table_module(mapping.table), "DERIVED", ())}


def required_when_derived(line_items_mapping: TableMapping) -> set[str]:
    """Return the same for bills derived from line items, which have no `ts` where the lines have none."""
    names = {column.name for column in tables()["bills"].columns}
    return names if "ts" in line_items_mapping.columns else names - {"ts"}


__all__ = [
    "Column",
    "Dropped",
    "Rule",
    "Table",
    "clean",
    "derive_bills",
    "drop_rows",
    "required_columns",
    "required_when_derived",
]
