"""Bills: one row per visit to the till, sent by the customer or derived from its line items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import MOST_MONEY, Column, Rule, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="bills",
    description="Each bill with its shopper, moment and total, returns included.",
    columns=(
        Column("bill_id", "string", "The bill's number.", nullable=False),
        Column("user_id", "string", "The shopper; empty for an anonymous sale."),
        Column("ts", "timestamp", "When the bill was made, in UTC.", nullable=False),
        Column(
            "amount",
            "float64",
            "Total in the customer's currency; negative for a return.",
            nullable=False,
            rules=(
                Rule(
                    "in_range",
                    {"min_value": -MOST_MONEY, "max_value": MOST_MONEY},
                    "Look for a number that stands in the wrong column; send what the bill came to.",
                    False,
                ),
            ),
        ),
        Column("line_item_count", "int64", "How many lines the bill has."),
        Column("store_id", "string", "The store or machine."),
        Column("channel", "string", "Where it was made: store, web, app."),
        Column("is_return", "boolean", "Whether all lines of the bill are returns.", nullable=False),
    ),
    key=("bill_id",),
)
DERIVED = ("is_return",)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return bills in canonical columns and types; where is_return is missing, a negative amount is a return."""
    from capflow_assets.validated.cleaning.cleaning import canonical_columns, one_row_per_key

    rows = raw.select(**canonical_columns(raw, TABLE, mapping, timezone))
    rows = rows.mutate(is_return=rows["is_return"].fill_null(rows["amount"] < 0).fill_null(False))
    return one_row_per_key(rows, TABLE, mapping)


def derive_bills(line_items: ibis.Table) -> ibis.Table:
    """Aggregate validated line items to bills: total to the cent, the earliest time, no line left out.

    A bill is a return when all its lines are. Where lines of one bill disagree on shopper, store or channel, the
    first in alphabetical order is used.
    """
    cents = (line_items["amount"] * 100).round().cast("int64")
    bills = line_items.group_by("bill_id").aggregate(
        user_id=line_items["user_id"].min(),
        ts=line_items["ts"].min(),
        amount=cents.sum() / 100.0,
        line_item_count=line_items.count(),
        store_id=line_items["store_id"].min(),
        channel=line_items["channel"].min(),
        is_return=line_items["is_return"].all(),
    )
    return bills.select(
        **{column.name: bills[column.name].cast(column.dtype) for column in TABLE.columns},
    )
