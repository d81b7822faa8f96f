"""Score how well a source column's name fits a canonical column: 1 names it, 0 says nothing, below 0 denies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capflow_assets.onboarding.matching.lexicon import ATTRIBUTES, THINGS, concept_set, concepts, tokens

# Concepts that make a name with a thing in it no id of that thing: "InvoiceDate", "ProductCategory".
_NOT_AN_ID = frozenset(ATTRIBUTES) - {"id", "unit", "all", "payment", "text"}


@dataclass(frozen=True)
class NameRule:
    """`score` for a name with every concept of `has` and none of `lacks`."""

    has: str
    score: float
    lacks: str = ""

    def fits(self, name_concepts: frozenset[str]) -> bool:
        """Return whether a name with these concepts follows the rule."""
        return name_concepts.issuperset(self.has.split()) and name_concepts.isdisjoint(self.lacks.split())


_TIME = (
    NameRule("time other", 0.1),
    NameRule("time first", 0.7),
    NameRule("time responded", 0.2),
    NameRule("time sent", 0.3),
    NameRule("time user", 0.5),
    NameRule("time discount", 0.2),
    NameRule("time", 0.95),
)
_TEXT = (
    NameRule("text item", 1, "bill user store campaign review"),
    NameRule("text", 0.9, "bill user store campaign review"),
)
_CHANNEL = (
    NameRule("text category", 0.5, "item"),
    NameRule("channel item", 0.2),
    NameRule("channel", 0.95, "image time"),
    NameRule("store category", 0.5),
    NameRule("payment", 0.55, "amount price id user"),
    NameRule("payment category", 0.55),
)
_AMOUNT = (
    NameRule("amount channel", 0.1),
    NameRule("amount unit", 0.2, "all"),
    NameRule("amount time", 0),
    NameRule("amount discount", 0),
    NameRule("amount quantity", 0.2, "price all"),
    NameRule("amount id", 0.1),
    NameRule("amount other", 0.3),
    NameRule("price all", 0.75),
    NameRule("price amount", 0.75),
    NameRule("amount", 1),
    NameRule("price", 0.3),
)
_PRICE = (
    NameRule("price discount", 0.2),
    NameRule("price other", 0.3),
    NameRule("price amount all", 0.2, "unit"),
    NameRule("price amount", 0.5),
    NameRule("price", 1),
    NameRule("amount unit", 0.9),
    NameRule("amount channel", 0),
    NameRule("amount", 0.25),
)
# The first rule that fits counts.
RULES: Mapping[str, tuple[NameRule, ...]] = {
    "ts": _TIME,
    "first_seen": (
        NameRule("time other", 0.1),
        NameRule("first", 1, "bill"),
        NameRule("time user", 0.6),
        NameRule("time", 0.45, "sent responded"),
    ),
    "sent_at": (
        NameRule("sent time", 1, "responded flag"),
        NameRule("time responded", 0),
        NameRule("time other", 0.1),
        NameRule("time", 0.6),
    ),
    "responded_at": (
        NameRule("responded time", 1),
        NameRule("responded", 0.5),
        NameRule("time sent", 0),
        NameRule("time", 0.1),
    ),
    "quantity": (
        NameRule("quantity price", 0.1),
        NameRule("quantity amount", 0.3),
        NameRule("quantity discount", 0.1),
        NameRule("quantity other", 0.3),
        NameRule("quantity rating", 0),
        NameRule("quantity review", 0),
        NameRule("quantity", 1),
    ),
    "unit_price": _PRICE,
    "price": (*_PRICE[:-1], NameRule("amount", 0.6)),
    "amount": _AMOUNT,
    "discount": (
        NameRule("discount time", 0),
        NameRule("discount id", 0.2),
        NameRule("discount offer", 0.75),
        NameRule("discount", 1),
    ),
    "is_return": (
        NameRule("return time", 0.1),
        NameRule("return amount", 0.2),
        NameRule("return id", 0.2),
        NameRule("return", 1),
    ),
    "channel": _CHANNEL,
    "line_item_count": (
        NameRule("quantity all", 0.9, "price amount discount"),
        NameRule("quantity item", 0.9, "price amount discount"),
        NameRule("quantity", 0.5, "price amount discount"),
    ),
    "description": (
        *_TEXT,
        NameRule("item category", 0.1),
        NameRule("item", 0.55, "bill user store campaign id"),
    ),
    "category": (
        NameRule("category user", 0),
        NameRule("category campaign", 0),
        NameRule("category store", 0),
        NameRule("category other", 0.2),
        NameRule("category", 0.95),
    ),
    "brand": (NameRule("brand id", 0.6), NameRule("brand", 0.95)),
    "image": (NameRule("image item", 1), NameRule("image", 0.9)),
    "offer": (
        NameRule("offer item", 0.4),
        NameRule("offer id", 0.5),
        NameRule("offer", 0.95),
        NameRule("discount", 0.4),
    ),
    "treated": (
        NameRule("treated flag", 1),
        NameRule("sent flag", 0.9),
        NameRule("treated", 0.9, "time"),
        NameRule("sent", 0.3),
    ),
    "text": (NameRule("review text", 1), NameRule("text", 0.7, "item user store"), NameRule("review", 0.6, "quantity")),
    "rating": (NameRule("rating quantity", 0.1), NameRule("rating other", 0.3), NameRule("rating", 1)),
    "uri": (NameRule("image", 0.95),),
    "label": (NameRule("text", 0.7), NameRule("category", 0.6)),
}
_THING_OF = {
    "bill_id": "bill",
    "user_id": "user",
    "item_id": "item",
    "store_id": "store",
    "campaign_id": "campaign",
    "media_id": "media",
}
CLEAR = 0.8


def name_score(column: str, name: str, table: str = "") -> float:
    """Return how well a source column's name, in a source table of that name, fits a canonical column (-1 to 1)."""
    name_concepts, (_, unknown) = concept_set(name), concepts(name)
    score = _id_score(_THING_OF[column], name, table) if column in _THING_OF else _rule_score(column, name_concepts)
    if score <= 0:
        return -1.0 if name_concepts - {"flag", "all", "unit"} else 0.0
    return score * max(0.6, 1 - 0.12 * unknown)


def is_clear_name(column: str, name: str, table: str = "") -> bool:
    """Return whether the name clearly says this column."""
    return name_score(column, name, table) >= CLEAR


def _rule_score(column: str, name_concepts: frozenset[str]) -> float:
    return next((rule.score for rule in RULES[column] if rule.fits(name_concepts)), 0.0)


def _id_score(thing: str, name: str, table: str) -> float:
    order, name_concepts = concepts(name)[0], concept_set(name)
    things = [concept for concept in order if concept in THINGS]
    if name_concepts & _NOT_AN_ID - {"text"} or "other" in name_concepts:
        # A coupon's product code, the review of a product: still an id when the name says so.
        return 0.4 if thing in things and "id" in name_concepts and "time" not in name_concepts else 0.0
    if not things:
        # In a table of products, "id" is the product's.
        if name_concepts == {"id"} and len(concepts(name)[0]) == len(tokens(name)):
            return 0.8 if thing in concept_set(table) else 0.3
        # "wine_name", "pizza_code": what a shop of one kind of goods calls its items.
        return 0.35 if thing == "item" and name_concepts in ({"id"}, {"text"}) else 0.0
    if thing not in things:
        return 0.0
    score = 1.0 if "id" in name_concepts else 0.85
    if "text" in name_concepts:
        score = 0.7 if thing in ("store", "campaign") else 0.35
    return score if things[-1] == thing or len(things) == 1 else 0.5 * score
