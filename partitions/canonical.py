"""The canonical tables and columns that a customer file may map its own columns to."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Names and Ibis types by table. capflow_assets.validated.tables declares the same columns with their rules, which
# belong to the code version of the validated layer and so cannot live here; a test holds both equal.
CANONICAL_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "line_items": {
        "bill_id": "string",
        "user_id": "string",
        "item_id": "string",
        "ts": "timestamp",
        "quantity": "float64",
        "unit_price": "float64",
        "discount": "float64",
        "amount": "float64",
        "store_id": "string",
        "channel": "string",
        "is_return": "boolean",
    },
    "bills": {
        "bill_id": "string",
        "user_id": "string",
        "ts": "timestamp",
        "amount": "float64",
        "line_item_count": "int64",
        "store_id": "string",
        "channel": "string",
        "is_return": "boolean",
    },
    "users": {"user_id": "string", "first_seen": "timestamp"},
    "items": {
        "item_id": "string",
        "description": "string",
        "category": "string",
        "brand": "string",
        "price": "float64",
        "image": "string",
    },
    "contacts": {
        "user_id": "string",
        "campaign_id": "string",
        "channel": "string",
        "offer": "string",
        "sent_at": "timestamp",
        "responded_at": "timestamp",
        "treated": "boolean",
    },
    "reviews": {
        "review_id": "string",
        "user_id": "string",
        "item_id": "string",
        "ts": "timestamp",
        "text": "string",
        "rating": "float64",
        "language": "string",
        "corrupt": "boolean",
        "corrupt_reason": "string",
    },
    "media": {
        "media_id": "string",
        "kind": "string",
        "uri": "string",
        "item_id": "string",
        "user_id": "string",
        "label": "string",
        "bytes": "int64",
        "format": "string",
        "width": "int64",
        "height": "int64",
        "duration_seconds": "float64",
        "sample_rate": "int64",
        "channels": "int64",
        "corrupt": "boolean",
        "corrupt_reason": "string",
    },
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


def _columns_of_type(*dtypes: str) -> frozenset[str]:
    return frozenset(
        name for columns in CANONICAL_COLUMNS.values() for name, dtype in columns.items() if dtype in dtypes
    )


TIME_COLUMNS = _columns_of_type("timestamp")
NUMBER_COLUMNS = _columns_of_type("float64", "int64")


def attribute_column(name: str) -> str:
    """Return the column that holds a shopper's attribute: attribute_home_owner for "Home Owner"."""
    return "attribute_" + re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")
