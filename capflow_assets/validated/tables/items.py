"""Items: what a customer sells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Rule, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="items",
    description="Each item of the assortment once.",
    columns=(
        Column("item_id", "string", "The item, as line items name it.", nullable=False),
        Column("description", "string", "Its name as shoppers read it."),
        Column("category", "string", "Its place in the assortment, from wide to narrow: Drinks > Coffee."),
        Column("brand", "string", "Its brand."),
        Column(
            "price",
            "float64",
            "Its list price in the customer's currency.",
            rules=(Rule("greater_than_or_equal_to", {"min_value": 0}, "Send list prices as positive numbers."),),
        ),
        Column("image", "string", "Where its picture lies."),
    ),
    key=("item_id",),
)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return items in canonical columns and types; with `distinct`, one row each with its most frequent description."""
    from capflow_assets.validated.cleaning.cleaning import canonical_columns, one_row_per_key

    return one_row_per_key(raw.select(**canonical_columns(raw, TABLE, mapping, timezone)), TABLE, mapping)
