"""What the values of a column say for or against its being a canonical column: points, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from capflow_assets.onboarding.context import STRONG, Context
from capflow_assets.onboarding.facts import Column
from capflow_assets.onboarding.names import fit
from capflow_assets.onboarding.relations import Product, rises_with
from capflow_assets.onboarding.words import about, tokens

Point = tuple[float, str]
# fmt: off
_CHANNELS = frozenset((
    "web", "online", "store", "shop", "app", "mobile", "email", "mail", "sms", "post", "phone", "call", "internet",
    "webshop", "ecommerce", "push", "letter", "till",
))
# fmt: on
SHARED = 0.3  # of the values of one column that must be found in another to be the same thing's ids


class Denied(Exception):  # noqa: N818 (no error: the column cannot be this one)
    """The values exclude this canonical column."""


def points(column: str, candidate: Column, context: Context) -> list[Point] | None:
    """The points for and against `candidate` being the canonical `column`; None when its values exclude that."""
    try:
        return list(_EVIDENCE[column](candidate, context))
    except Denied:
        return None


def _need(condition: bool) -> None:
    if not condition:
        raise Denied


def _bill_id(c: Column, x: Context) -> Iterator[Point]:
    _need(c.is_id and c.nulls < 0.5)
    yield from _known("bill_id", c, x, "bills")
    if c.is_key:
        yield -1.5, "every row has its own"
    elif 1.02 < c.per_value < 200:
        yield 0.5, f"{c.per_value:.3g} rows a value"
    if c.name not in x.table.agree:
        return
    if x.moments and c.name not in x.bills:
        yield -2, "rows of one value have several moments"
    elif c.name in x.bills:
        yield 2, "one moment a value"
        if owner := _owner(c, x):
            yield 0.8, f"one {owner} a value"


def _owner(c: Column, x: Context) -> str | None:
    """A coarser id that every value of `c` belongs to: the shopper of a bill."""
    coarser = [o for o in x.table.columns if o.is_id and o.distinct < 0.95 * c.distinct and o.name not in x.bills]
    return next((o.name for o in coarser if o.distinct > 20 and x.table.agrees(c.name, o.name) > STRONG), None)


def _user_id(c: Column, x: Context) -> Iterator[Point]:
    _need(c.is_id and c.distinct >= 5)
    yield from _known("user_id", c, x, "shoppers")
    if c.name in x.bills and c.per_value < 20 and not x.known:
        yield -1.5, "one moment a value, as bills have"
    of_bill = x.bill_of(c)
    if of_bill is not None and c.name not in x.bills:
        yield (1.5, "one value a bill") if of_bill > STRONG else (-2, "several values in one bill")
    elif of_bill is None and x.of_moment(c) > 0.5:
        yield 1, "rows of one moment have one value"
    if 0.01 < c.nulls < 0.95:
        yield 0.5, f"{c.nulls:.0%} of rows have none, as anonymous sales"
    if c.distinct < 20:
        yield -1, f"only {c.distinct} values"
    elif c.distinct > 50 and c.per_value > 1.2:
        # Of several ids that a bill has one of (shopper, store, week), shoppers are the most.
        yield min(0.9, 0.25 * math.log10(c.distinct)), f"{c.distinct:,} values with {c.per_value:.3g} rows each"
    if x.refers.get(c.name) and not x.known:
        yield 0.5, f"found in {x.refers[c.name][0]}"


def _item_id(c: Column, x: Context) -> Iterator[Point]:
    _need((c.is_id or (c.kind == "text" and c.words <= 10 and c.paths < 0.5)) and c.distinct >= 2)
    yield from _known("item_id", c, x, "items sold")
    of_bill = x.bill_of(c)
    if of_bill is not None:
        yield (-2.5, "one value a bill") if of_bill > STRONG else (0.8, "several values in one bill")
    if c.name in x.bills and c.per_value > 1.02:
        yield -2.5, "one moment a value, as bills have"
    described, by = x.determines(c, _describes)
    if described > 0.6:
        yield 1.2, f"decides {by}"
    if x.determines(c, lambda o: o.kind == "number" and o.whole < 0.9)[0] > 0.4:
        yield 0.7, "has its own price"
    if x.refers.get(c.name) and not x.known:
        yield 0.8, f"found in {x.refers[c.name][0]}"
    if c.distinct < 5:
        yield -1, f"only {c.distinct} values"
    elif c.per_value > 1.5:
        yield 0.5, f"{c.distinct:,} values with {c.per_value:.3g} rows each"
    if c.kind == "text" and c.words > 1.4 and c.distinct < x.table.rows / 5:
        yield 0.8, "names of a few words, again and again"


def _describes(c: Column) -> bool:
    return c.kind == "text" and c.words > 1.3 and c.length > 6 and c.distinct > 20


def _known(column: str, c: Column, x: Context, what: str) -> Iterator[Point]:
    """The ids of a table beside the sales must be those that sales use."""
    known, values = x.known.get(column), x.table.values.get(c.name)
    if not known or not values:
        return
    shared = len(known & values) / min(len(known), len(values))
    if shared > SHARED:
        yield 2.5, f"{shared:.0%} are the {what}"
    elif len(values) > 20:
        yield -3, f"they are not the {what}"


def _store_id(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind in ("number", "text") and (c.is_id or c.distinct == 2) and c.distinct < max(10, x.table.rows / 10))
    of_bill = x.bill_of(c)
    if of_bill is not None:
        yield (0.8, "one value a bill") if of_bill > STRONG else (-1.5, "several values in one bill")
    if 2 <= c.distinct <= 2000:
        yield 0.3, f"{c.distinct} values"


def _channel(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "text" and 1 <= c.distinct <= 15 and c.words < 4)
    of_bill = x.bill_of(c)
    if of_bill is not None and c.distinct > 1:
        yield (0.5, "one value a bill") if of_bill > STRONG else (-1.5, "several values in one bill")
    if sum(share for value, share in c.top if about(value) & {"channel"} or set(tokens(value)) & _CHANNELS) > 0.6:
        yield 1.5, f"values like {c.top[0][0]}"
    else:
        yield 0.3, f"{c.distinct} values"


def _quantity(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "number" and not c.is_key)
    if any(product.quantity == c.name for product in x.products[:3]):
        yield 2.2, _formula(next(p for p in x.products if p.quantity == c.name))
    if c.whole > 0.95:
        yield 0.7, "whole numbers"
    if c.median is not None and 0 < c.median <= 5:
        yield 0.6, f"half of them up to {c.median:g}"
    if c.one > 0.3:
        yield 0.4, f"{c.one:.0%} are 1"
    if (c.median or 0) > 100:
        yield -2, f"half of them above {c.median:g}"
    if c.zero > 0.5:
        yield -1.5, f"{c.zero:.0%} are 0"
    of_bill = x.bill_of(c)
    if (of_bill or 0) > STRONG or x.of_moment(c) > 0.95:
        yield -2, "decided by the bill or its moment"
    elif of_bill is not None:
        yield 0.3, "several values in one bill"
    if 0 < c.negative < 0.2:
        yield 0.4, f"{c.negative:.1%} below 0, as returns"
    if x.determines(c, lambda o: o.is_id and o.distinct > 20)[0] > STRONG:
        yield -2, "decides other ids"


def _formula(product: Product) -> str:
    less = f" - {product.discount}" if product.discount else ""
    return f"{product.quantity} x {product.unit_price}{less} = {product.amount} on {product.share:.0%} of rows"


def _money(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "number" and c.distinct > 1 and c.dates is None)
    _need(not c.is_key or c.whole < 0.9)
    yield (0.7, "amounts with cents") if c.whole < 0.95 else (-0.5, "whole numbers only")
    if c.zero > 0.5:
        yield -2, f"{c.zero:.0%} are 0"
    elif c.zero > 0.2:
        yield -0.5, f"{c.zero:.0%} are 0"
    if (x.bill_of(c) or 0) > 0.95 and x.bills and x.table.rows > 100:
        yield -0.7, "one value a bill"
    elif x.bill_of(c) is not None:
        yield 0.3, "several values in one bill"
    if c.whole < 0.95 and not any(o.kind == "number" and o.whole < 0.95 for o in x.table.columns if o.name != c.name):
        yield 0.6, "the only amounts"
    if (c.high or 0) <= 0:
        yield -2, "none above 0"


def _unit_price(c: Column, x: Context) -> Iterator[Point]:
    yield from _money(c, x)
    if any(product.unit_price == c.name for product in x.products[:3]):
        yield 2.2, _formula(next(p for p in x.products if p.unit_price == c.name))
    elif any(product.amount == c.name for product in x.products[:3]):
        yield -2, "the product of two others"
    rises = _rises(c, x)
    if rises is not None:
        yield (0.6, "does not rise with the quantity") if rises < 0.15 else (-0.8, "rises with the quantity")
    if c.negative > 0.05:
        yield -1, f"{c.negative:.0%} below 0"
    if any(o.is_id and o.distinct > 20 and 0.35 < x.table.agrees(o.name, c.name) < 0.99 for o in x.table.columns):
        yield 0.5, "much the same for one item"


def _amount(c: Column, x: Context) -> Iterator[Point]:
    yield from _money(c, x)
    if any(product.amount == c.name for product in x.products[:3]):
        yield 2.2, _formula(next(p for p in x.products if p.amount == c.name))
    elif any(product.unit_price == c.name for product in x.products[:3]):
        yield -2, "a factor of another column"
    rises = _rises(c, x)
    if rises is None:
        yield 0.4, "there is no quantity that it could be the price of one for"
    else:
        yield (0.8, "rises with the quantity") if rises > 0.15 else (-0.8, "does not rise with the quantity")


def _rises(c: Column, x: Context) -> float | None:
    if not x.quantities or c.name not in x.table.numbers:
        return None
    return rises_with(x.table.numbers, x.quantities[0], c.name) if x.quantities[0] != c.name else None


def _discount(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "number" and c.negative < 0.02 + 0.5 * (c.zero < 0.9) * _refunded(x))
    if any(product.discount == c.name for product in x.products[:3]):
        yield 2.5, _formula(next(p for p in x.products if p.discount == c.name))
    elif fit("discount", c.name) <= 0:
        yield -2, "nothing says that it is taken off"
    if 0.2 < c.zero < 0.995:
        yield 0.7, f"{c.zero:.0%} are 0"
    yield min(0.6, 1 - c.zero), f"{1 - c.zero:.0%} of rows have one"


def _refunded(x: Context) -> bool:
    """Whether quantities below 0 explain discounts below 0."""
    return any(x.table.column(name).negative > 0 for name in x.quantities)


def _is_return(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "flag" or (c.kind in ("number", "text") and c.distinct <= 2))
    yes = sum(share for value, share in c.top if value.lower() in ("1", "true", "yes", "y", "t"))
    if 0 < yes < 0.4:
        yield 0.7, f"true on {yes:.1%} of rows"


def _ts(c: Column, x: Context) -> Iterator[Point]:
    _need(c.dates is not None and c.dates.rate > 0.9 and c.distinct > 1)
    yield from _moment(c, x)
    if c.dates and c.dates.clock:
        yield 0.8, "with the time of day"
    if c.nulls > 0.3:
        yield -2, f"{c.nulls:.0%} have none"
    if len(x.moments) == 1 and c.kind == "time":
        yield 1, "the only moments"
    elif c.distinct == max((o.distinct for o in x.moments), default=0):
        yield 0.5, "the finest moments"
    if any(x.table.agrees(b, c.name) > STRONG for b in x.bills):
        yield 0.7, "one a bill"


def _moment(c: Column, x: Context) -> Iterator[Point]:
    _need(c.dates is not None)
    if c.kind == "time":
        yield 0.7, "dates"
    if c.dates and c.dates.doubt and c.kind == "number":
        _need(max(fit(name, c.name) for name in ("ts", "sent_at", "first_seen", "responded_at")) > 0.5)
        yield 0.7, "numbers that count seconds"


def _responded_at(c: Column, x: Context) -> Iterator[Point]:
    yield from _moment(c, x)
    yield (1, f"{c.nulls:.0%} have none") if c.nulls > 0.1 else (-0.5, "all have one")


def _sent_at(c: Column, x: Context) -> Iterator[Point]:
    yield from _moment(c, x)
    if c.nulls > 0.3:
        yield -1, f"{c.nulls:.0%} have none"


def _description(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "text" and c.distinct >= 4 and c.paths < 0.5 and c.words < 25)
    yield (1, f"{c.words:.1f} words") if c.words > 1.4 else (-0.7, "single words")
    items = [o for o in x.table.columns if o.name != c.name and fit("item_id", o.name, x.table.name) > 0.5]
    if c.distinct > 0.3 * x.table.rows or any(0.3 * o.distinct < c.distinct <= 3 * o.distinct for o in items):
        yield 0.8, "nearly every item has its own"
    if (x.bill_of(c) or 0) > STRONG:
        yield -2, "one value a bill"


def _brand(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind in ("text", "number") and c.distinct >= 2 and c.words < 6)
    if c.distinct < 0.2 * x.table.rows and c.kind == "text":
        yield 0.5, f"{c.distinct:,} values"
    if c.kind == "number":
        yield -1, "numbers"


def _image(c: Column, x: Context) -> Iterator[Point]:
    _need(c.paths > 0.5)
    yield 1.5, "paths or addresses of files"


def _campaign_id(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind in ("number", "text") and c.words < 10 and not c.is_key)
    if c.distinct < x.table.rows / 3:
        yield 0.7, f"{c.distinct:,} values with {c.per_value:.3g} rows each"
    if x.refers.get(c.name):
        yield 0.3, f"found in {x.refers[c.name][0]}"


def _offer(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "text" and c.distinct < max(10, x.table.rows / 3))
    yield 0.5, f"{c.distinct:,} values"


def _flag(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "flag")
    yield 0.7, "true or false"


def _text(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "text")
    yield (2, f"{c.words:.0f} words on average") if c.words > 6 else (-2.5, "hardly any sentence")


def _rating(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "number" and 2 < c.distinct <= 21 and (c.low or 0) >= 0 and (c.high or 0) <= 100)
    yield 1, f"{c.distinct} values from {c.low:g} to {c.high:g}"


def _label(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind in ("text", "number") and 1 < c.distinct < x.table.rows / 2)
    yield 0.5, f"{c.distinct:,} values"


def _count(c: Column, x: Context) -> Iterator[Point]:
    _need(c.kind == "number" and c.whole > 0.999 and (c.low or 0) >= 0)
    yield 0.5, "whole numbers"


def _media_id(c: Column, x: Context) -> Iterator[Point]:
    _need(c.is_id or c.paths > 0.5)
    _need(c.filled == c.distinct)
    yield 1, "every row has its own"


_EVIDENCE: Mapping[str, Callable[[Column, Context], Iterator[Point]]] = {
    "bill_id": _bill_id,
    "user_id": _user_id,
    "item_id": _item_id,
    "ts": _ts,
    "quantity": _quantity,
    "unit_price": _unit_price,
    "discount": _discount,
    "amount": _amount,
    "store_id": _store_id,
    "channel": _channel,
    "is_return": _is_return,
    "line_item_count": _count,
    "first_seen": _moment,
    "description": _description,
    "brand": _brand,
    "price": _money,
    "image": _image,
    "campaign_id": _campaign_id,
    "offer": _offer,
    "sent_at": _sent_at,
    "responded_at": _responded_at,
    "treated": _flag,
    "text": _text,
    "rating": _rating,
    "media_id": _media_id,
    "uri": _image,
    "label": _label,
}
# What is looked for; decoded facts of media and texts are not in any table.
COLUMNS = frozenset(_EVIDENCE)
