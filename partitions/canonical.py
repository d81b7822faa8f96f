"""The names that a customer file may map its own columns to: canonical tables and their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The tables package of capflow_assets describes these columns; a test holds both equal.
CANONICAL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "line_items": (
        "bill_id",
        "user_id",
        "item_id",
        "ts",
        "quantity",
        "unit_price",
        "discount",
        "amount",
        "store_id",
        "channel",
        "is_return",
    ),
    "bills": ("bill_id", "user_id", "ts", "amount", "line_item_count", "store_id", "channel", "is_return"),
    "users": ("user_id", "first_seen"),
    "items": ("item_id", "description", "category", "brand", "price", "image"),
    "contacts": ("user_id", "campaign_id", "channel", "offer", "sent_at", "responded_at", "treated"),
    "reviews": ("review_id", "user_id", "item_id", "ts", "text", "rating", "language", "corrupt", "corrupt_reason"),
    "media": (
        "media_id",
        "kind",
        "uri",
        "item_id",
        "user_id",
        "label",
        "bytes",
        "format",
        "width",
        "height",
        "duration_seconds",
        "sample_rate",
        "channels",
        "corrupt",
        "corrupt_reason",
    ),
}

# Each group names alternatives: at least one of them must be mapped.
REQUIRED_COLUMNS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "line_items": (("item_id",), ("unit_price", "amount")),
    "bills": (("bill_id",), ("amount",)),
    "users": (("user_id",),),
    "items": (("item_id",),),
    "contacts": (("user_id",), ("campaign_id",)),
    "reviews": (("item_id", "user_id"), ("text", "rating")),
    "media": (("media_id",), ("kind",), ("uri",)),
}

TIME_COLUMNS = frozenset({"ts", "first_seen", "sent_at", "responded_at"})
NUMBER_COLUMNS = frozenset(
    {"quantity", "unit_price", "discount", "amount", "line_item_count", "price", "rating"}
    | {"bytes", "width", "height", "duration_seconds", "sample_rate", "channels"}
)


def attribute_column(name: str) -> str:
    """The column that keeps a shopper's attribute: "Home Owner" is kept as attribute_home_owner."""
    return "attribute_" + re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")
