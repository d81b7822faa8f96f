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
    """The raw rows of one canonical table in its columns and types.

    What cannot be read is null; no row is left out, but for `distinct`. Times become UTC from `timezone`.
    """
    cleaned: ibis.Table = table_module(table).clean(raw, mapping, timezone)
    return cleaned


def filled_columns(mapping: TableMapping) -> set[str]:
    """The columns that every row must fill, if they are not nullable: what is mapped, and what cleaning works out."""
    return {*mapping.columns, *getattr(table_module(mapping.table), "DERIVED", ())}


def filled_when_derived(line_items_mapping: TableMapping) -> set[str]:
    """The same for bills that are added up from line items: without times, they have no `ts` either."""
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
    "filled_columns",
    "filled_when_derived",
]
