"""Reviews: what shoppers wrote about items, and how many stars they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.tables.base import Column, Rule, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="reviews",
    description="Each review or rating of an item by a shopper.",
    columns=(
        Column("user_id", "string", "The shopper; empty for an anonymous review."),
        Column("item_id", "string", "The item."),
        Column("ts", "timestamp", "When it was written, in UTC."),
        Column("text", "string", "What was written."),
        Column("rating", "float64", "The stars given, on the customer's own scale."),
        Column("language", "string", "The language it is written in, as ISO 639-1: en, de."),
        Column(
            "corrupt",
            "boolean",
            "Whether its file cannot be read as text.",
            rules=(
                # Many of them are the concern of the models that need them (validation/contracts), not of all others.
                Rule("equal_to", {"value": False}, "Send the file again; corrupt_reason says why.", False, 1.0),
            ),
        ),
        Column("corrupt_reason", "string", "Why its file cannot be read as text."),
    ),
)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Reviews in canonical columns and types."""
    from capflow_assets.tables.cleaning import canonical_columns

    return raw.select(**canonical_columns(raw, TABLE, mapping, timezone))
