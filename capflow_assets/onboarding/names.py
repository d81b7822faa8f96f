"""How well a source column's name fits a canonical column: 1 says it outright, 0 says nothing, below 0 denies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from capflow_assets.onboarding.words import ATTRIBUTES, THINGS, about, concepts, tokens

# What makes a name with a thing in it no id of that thing: "InvoiceDate", "ProductCategory".
_NOT_AN_ID = frozenset(ATTRIBUTES) - {"id", "unit", "all", "payment", "text"}


@dataclass(frozen=True)
class Rule:
    """`score` for a name with every concept of `has` and none of `lacks`."""

    has: str
    score: float
    lacks: str = ""

    def fits(self, said: frozenset[str]) -> bool:
        """Whether a name that says this follows the rule."""
        return said.issuperset(self.has.split()) and said.isdisjoint(self.lacks.split())


_TIME = (
    Rule("time other", 0.1),
    Rule("time first", 0.7),
    Rule("time responded", 0.2),
    Rule("time sent", 0.3),
    Rule("time user", 0.5),
    Rule("time discount", 0.2),
    Rule("time", 0.95),
)
_TEXT = (Rule("text item", 1, "bill user store campaign review"), Rule("text", 0.9, "bill user store campaign review"))
_CHANNEL = (
    Rule("text category", 0.5, "item"),
    Rule("channel item", 0.2),
    Rule("channel", 0.95, "image time"),
    Rule("store category", 0.5),
    Rule("payment", 0.55, "amount price id user"),
    Rule("payment category", 0.55),
)
_AMOUNT = (
    Rule("amount channel", 0.1),
    Rule("amount unit", 0.2, "all"),
    Rule("amount time", 0),
    Rule("amount discount", 0),
    Rule("amount quantity", 0.2, "price all"),
    Rule("amount id", 0.1),
    Rule("amount other", 0.3),
    Rule("price all", 0.75),
    Rule("price amount", 0.75),
    Rule("amount", 1),
    Rule("price", 0.3),
)
_PRICE = (
    Rule("price discount", 0.2),
    Rule("price other", 0.3),
    Rule("price amount all", 0.2, "unit"),
    Rule("price amount", 0.5),
    Rule("price", 1),
    Rule("amount unit", 0.9),
    Rule("amount channel", 0),
    Rule("amount", 0.25),
)
# The first rule that fits counts.
RULES: Mapping[str, tuple[Rule, ...]] = {
    "ts": _TIME,
    "first_seen": (
        Rule("time other", 0.1),
        Rule("first", 1, "bill"),
        Rule("time user", 0.6),
        Rule("time", 0.45, "sent responded"),
    ),
    "sent_at": (
        Rule("sent time", 1, "responded flag"),
        Rule("time responded", 0),
        Rule("time other", 0.1),
        Rule("time", 0.6),
    ),
    "responded_at": (Rule("responded time", 1), Rule("responded", 0.5), Rule("time sent", 0), Rule("time", 0.1)),
    "quantity": (
        Rule("quantity price", 0.1),
        Rule("quantity amount", 0.3),
        Rule("quantity discount", 0.1),
        Rule("quantity other", 0.3),
        Rule("quantity rating", 0),
        Rule("quantity review", 0),
        Rule("quantity", 1),
    ),
    "unit_price": _PRICE,
    "price": (*_PRICE[:-1], Rule("amount", 0.6)),
    "amount": _AMOUNT,
    "discount": (Rule("discount time", 0), Rule("discount id", 0.2), Rule("discount offer", 0.75), Rule("discount", 1)),
    "is_return": (Rule("return time", 0.1), Rule("return amount", 0.2), Rule("return id", 0.2), Rule("return", 1)),
    "channel": _CHANNEL,
    "line_item_count": (
        Rule("quantity all", 0.9, "price amount discount"),
        Rule("quantity item", 0.9, "price amount discount"),
        Rule("quantity", 0.5, "price amount discount"),
    ),
    "description": (
        *_TEXT,
        Rule("item category", 0.1),
        Rule("item", 0.55, "bill user store campaign id"),
    ),
    "category": (
        Rule("category user", 0),
        Rule("category campaign", 0),
        Rule("category store", 0),
        Rule("category other", 0.2),
        Rule("category", 0.95),
    ),
    "brand": (Rule("brand id", 0.6), Rule("brand", 0.95)),
    "image": (Rule("image item", 1), Rule("image", 0.9)),
    "offer": (Rule("offer item", 0.4), Rule("offer id", 0.5), Rule("offer", 0.95), Rule("discount", 0.4)),
    "treated": (Rule("treated flag", 1), Rule("sent flag", 0.9), Rule("treated", 0.9, "time"), Rule("sent", 0.3)),
    "text": (Rule("review text", 1), Rule("text", 0.7, "item user store"), Rule("review", 0.6, "quantity")),
    "rating": (Rule("rating quantity", 0.1), Rule("rating other", 0.3), Rule("rating", 1)),
    "uri": (Rule("image", 0.95),),
    "label": (Rule("text", 0.7), Rule("category", 0.6)),
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


def fit(column: str, name: str, table: str = "") -> float:
    """How well the name of a source column, in a source table of that name, fits a canonical column (-1 to 1)."""
    said, (_, unknown) = about(name), concepts(name)
    score = _as_id(_THING_OF[column], name, table) if column in _THING_OF else _by_rule(column, said)
    if score <= 0:
        return -1.0 if said - {"flag", "all", "unit"} else 0.0
    return score * max(0.6, 1 - 0.12 * unknown)


def clear_fit(column: str, name: str, table: str = "") -> bool:
    """Whether the name says this column outright."""
    return fit(column, name, table) >= CLEAR


def _by_rule(column: str, said: frozenset[str]) -> float:
    return next((rule.score for rule in RULES[column] if rule.fits(said)), 0.0)


def _as_id(thing: str, name: str, table: str) -> float:
    order, said = concepts(name)[0], about(name)
    things = [concept for concept in order if concept in THINGS]
    if said & _NOT_AN_ID - {"text"} or "other" in said:
        # A coupon's product code, the review of a product: an id still, when the name says so.
        return 0.4 if thing in things and "id" in said and "time" not in said else 0.0
    if not things:
        # In a table of products, "id" is the product's.
        if said == {"id"} and len(concepts(name)[0]) == len(tokens(name)):
            return 0.8 if thing in about(table) else 0.3
        # "wine_name", "pizza_code": what a shop of one kind of goods calls its items.
        return 0.35 if thing == "item" and said in ({"id"}, {"text"}) else 0.0
    if thing not in things:
        return 0.0
    score = 1.0 if "id" in said else 0.85
    if "text" in said:
        score = 0.7 if thing in ("store", "campaign") else 0.35
    return score if things[-1] == thing or len(things) == 1 else 0.5 * score
