"""The declared relationships: which tables belong to which, by which key, and what each column means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "truth", "label", "time"]

CENTS = 100
THOUSANDTHS = 1_000
HUNDREDTHS_OF_A_CENT = 10_000  # what prices of screws and e-mails are told in
ATTRIBUTE = "attribute_"


@dataclass(frozen=True)
class Field:
    """A column that features are made of.

    `word` and `words` name it in a sentence; for a truth, `words` says of which rows it holds ("that are returns").
    Numbers are summed as whole multiples of 1 / `scale`, so that a sum is the same in any order and on any engine.
    """

    name: str
    kind: Kind
    word: str
    words: str
    scale: int = 1
    adds_up: bool = False


@dataclass(frozen=True)
class Entity:
    """A table whose rows are things: its name, the noun of one row, its time, and whether its rows differ in time."""

    name: str
    singular: str
    plural: str
    fields: Mapping[str, Field]
    time: str | None = None
    has_moments: bool = False


@dataclass(frozen=True)
class Link:
    """Each row of `child` belongs to the row of `parent` with the same `key`."""

    parent: str
    child: str
    key: str


def _fields(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


_STORE = Field("store_id", "label", "store", "stores")
_CHANNEL = Field("channel", "label", "channel", "channels")
_SALE = Field("ts", "time", "sale", "sales")
_RETURN = Field("is_return", "truth", "return", "that are returns")

ENTITIES: Mapping[str, Entity] = {
    "users": Entity("users", "user", "users", _fields(Field("first_seen", "time", "first day", "first days"))),
    "bills": Entity(
        "bills",
        "bill",
        "bills",
        _fields(
            Field("amount", "number", "amount", "amounts", CENTS, adds_up=True),
            Field("line_item_count", "number", "number of lines", "numbers of lines", adds_up=True),
            _SALE,
            _STORE,
            _CHANNEL,
            _RETURN,
        ),
        time="ts",
        has_moments=True,
    ),
    # A line's moment, store and channel are its bill's: said once, and which line of a bill is the last is not known.
    "line_items": Entity(
        "line_items",
        "line_item",
        "line items",
        _fields(
            Field("amount", "number", "amount", "amounts", CENTS, adds_up=True),
            Field("discount", "number", "discount", "discounts", CENTS, adds_up=True),
            Field("quantity", "number", "quantity", "quantities", THOUSANDTHS, adds_up=True),
            Field("unit_price", "number", "unit price", "unit prices", HUNDREDTHS_OF_A_CENT),
            Field("item_id", "label", "item", "items"),
            _RETURN,
        ),
        time="ts",
    ),
    "items": Entity(
        "items",
        "item",
        "items",
        _fields(
            Field("price", "number", "list price", "list prices", HUNDREDTHS_OF_A_CENT),
            Field("category", "label", "category", "categories"),
            Field("brand", "label", "brand", "brands"),
        ),
    ),
    "contacts": Entity(
        "contacts",
        "contact",
        "contacts",
        _fields(
            Field("campaign_id", "label", "campaign", "campaigns"),
            Field("offer", "label", "offer", "offers"),
            _CHANNEL,
            Field("sent_at", "time", "message", "messages"),
            Field("responded_at", "time", "answer", "answers"),
            Field("treated", "truth", "message sent", "that were sent, not held back"),
        ),
        time="sent_at",
        has_moments=True,
    ),
}

# A parent's features are aggregates over its children; a child looks up what its parents say of it.
CHILDREN = (
    Link("users", "bills", "user_id"),
    Link("users", "line_items", "user_id"),
    Link("users", "contacts", "user_id"),
    Link("bills", "line_items", "bill_id"),
)
LOOKED_UP = (Link("items", "line_items", "item_id"),)


def children(parent: str) -> list[Link]:
    """Return the links from an entity to the rows that belong to it."""
    return [link for link in CHILDREN if link.parent == parent]


def parents(child: str) -> list[Link]:
    """Return the links from an entity to what is looked up for each of its rows."""
    return [link for link in LOOKED_UP if link.child == child]


def field(entity: str, column: str) -> Field | None:
    """Return the declaration of a column; a user's attribute is a label. None for a column that makes no features."""
    declared = ENTITIES[entity].fields.get(column)
    if declared is None and entity == "users" and column.startswith(ATTRIBUTE):
        word = column.removeprefix(ATTRIBUTE).replace("_", " ")
        return Field(column, "label", word, word)
    return declared
