"""How each kind of source names and stores a retailer's tables: as its own system does, not as CapFlow does.

The writers write by these layouts and the customer file maps by them, so that the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableLayout:
    """One table in a source: where it is, and how its columns are called there.

    `place` is a file pattern within the retailer's folder, or a table's name in the database.
    `columns`: canonical name -> source column, or the two source columns that a category path is split into.
    `formats`: canonical time column -> how it is written as text. `attributes`: column of World.users -> source column.
    """

    place: str
    columns: Mapping[str, str | tuple[str, str]]
    formats: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    returns: str | None = None


@dataclass(frozen=True)
class Layout:
    """All tables in one kind of source. `database` is the file's name where one file holds them all."""

    tables: Mapping[str, TableLayout]
    database: str | None = None


_EUROPEAN = "%d/%m/%Y %H:%M:%S"

_CSV = Layout(
    tables={
        "line_items": TableLayout(
            place="sales_*.csv",
            columns={
                "bill_id": "Receipt",
                "user_id": "Shopper",
                "item_id": "SKU",
                "ts": "SoldAt",
                "quantity": "Qty",
                "unit_price": "Price",
                "discount": "Rebate",
                "store_id": "Branch",
                "channel": "Via",
            },
            formats={"ts": _EUROPEAN},
            returns="starts with R in bill_id",
        ),
        "users": TableLayout(
            place="shoppers.csv",
            columns={"user_id": "Shopper", "first_seen": "JoinedOn"},
            formats={"first_seen": "%d/%m/%Y"},
            attributes={"city": "City", "age_band": "Age Band"},
        ),
        "items": TableLayout(
            place="products.csv",
            columns={
                "item_id": "SKU",
                "description": "Title",
                "category": ("Department", "Group"),
                "brand": "Label",
                "price": "ListPrice",
            },
        ),
        "contacts": TableLayout(
            place="mailings.csv",
            columns={
                "user_id": "Shopper",
                "campaign_id": "Campaign",
                "channel": "Medium",
                "offer": "Offer",
                "sent_at": "SentAt",
                "responded_at": "UsedAt",
                "treated": "Mailed",
            },
            formats={"sent_at": _EUROPEAN, "responded_at": _EUROPEAN},
        ),
    }
)

_SQLITE = Layout(
    database="till.db",
    tables={
        "line_items": TableLayout(
            place="sale_line",
            columns={
                "bill_id": "ticket_no",
                "user_id": "member_no",
                "item_id": "product_code",
                "ts": "rung_up_at",
                "quantity": "units",
                "unit_price": "unit_amount",
                "discount": "reduction",
                "store_id": "outlet",
                "channel": "sold_through",
                "is_return": "is_refund",
            },
        ),
        "users": TableLayout(
            place="member",
            columns={"user_id": "member_no", "first_seen": "enrolled_at"},
            attributes={"city": "city", "age_band": "age_band"},
        ),
        "items": TableLayout(
            place="product",
            columns={
                "item_id": "product_code",
                "description": "product_text",
                "category": ("section", "subsection"),
                "brand": "maker",
                "price": "current_amount",
            },
        ),
        "contacts": TableLayout(
            place="outreach",
            columns={
                "user_id": "member_no",
                "campaign_id": "campaign_code",
                "channel": "medium",
                "offer": "offer_text",
                "sent_at": "sent_at",
                "responded_at": "redeemed_at",
                "treated": "was_sent",
            },
        ),
    },
)

_PARQUET = Layout(
    tables={
        "line_items": TableLayout(
            place="orders_*.parquet",
            columns={
                "bill_id": "OrderNumber",
                "user_id": "ClientId",
                "item_id": "ArticleId",
                "ts": "OrderedAt",
                "quantity": "Pieces",
                "unit_price": "PiecePrice",
                "discount": "Markdown",
                "store_id": "Boutique",
                "channel": "SalesChannel",
                "is_return": "IsReturn",
            },
        ),
        "users": TableLayout(
            place="clients.parquet",
            columns={"user_id": "ClientId", "first_seen": "ClientSince"},
            attributes={"city": "City", "age_band": "Age_Band"},
        ),
        "items": TableLayout(
            place="articles.parquet",
            columns={
                "item_id": "ArticleId",
                "description": "ArticleText",
                "category": ("Line", "Type"),
                "brand": "House",
                "price": "RetailPrice",
            },
        ),
        "contacts": TableLayout(
            place="messages.parquet",
            columns={
                "user_id": "ClientId",
                "campaign_id": "Action",
                "channel": "MessageType",
                "offer": "OfferText",
                "sent_at": "SentAt",
                "responded_at": "RespondedAt",
                "treated": "WasSent",
            },
        ),
    }
)

LAYOUTS: Mapping[str, Layout] = {"csv": _CSV, "sqlite": _SQLITE, "parquet": _PARQUET}
