"""Evidence for or against a column being a canonical column, from its values: points, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from capflow_assets.onboarding.matching.lexicon import concept_set, tokens
from capflow_assets.onboarding.matching.name_scores import name_score
from capflow_assets.onboarding.matching.table_context import STRONG, TableContext
from capflow_assets.onboarding.profiling.column_relations import Product, quantity_correlation
from capflow_assets.onboarding.profiling.profiles import ProfiledColumn

Point = tuple[float, str]
# fmt: off
_CHANNELS = frozenset((
    "web", "online", "store", "shop", "app", "mobile", "email", "mail", "sms", "post", "phone", "call", "internet",
    "webshop", "ecommerce", "push", "letter", "till",
))
# fmt: on
SHARED = 0.3  # of the values of two columns must be in both for them to be the same ids
NOT_THE_IDS = "not the "  # how the reason against foreign ids begins


class Excluded(Exception):  # noqa: N818 (no error: the column cannot be this one)
    """The values exclude this canonical column."""


def find_evidence(column: str, candidate: ProfiledColumn, context: TableContext) -> list[Point] | None:
    """Return the points for and against `candidate` being the canonical `column`; None when its values exclude that."""
    try:
        return list(_EVIDENCE[column](candidate, context))
    except Excluded:
        return None


def _require(condition: bool) -> None:
    if not condition:
        raise Excluded


def _bill_id(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.is_id and c.nulls < 0.5)
    yield from _match_known_ids("bill_id", c, x, "bills")
    if c.is_key:
        yield -1.5, "a different value in every row"
    elif 1.02 < c.rows_per_value < 200:
        yield 0.5, f"{c.rows_per_value:.3g} rows per value"
    if c.name not in x.table.dependencies:
        return
    if x.timestamps and c.name not in x.bill_columns:
        yield -2, "rows with the same value have different times"
    elif c.name in x.bill_columns:
        yield 2, "one time per value"
        if owner := _coarser_id(c, x):
            yield 0.8, f"one {owner} per value"


def _coarser_id(c: ProfiledColumn, x: TableContext) -> str | None:
    """Return a coarser id that each value of `c` belongs to (the shopper of a bill); None when there is none."""
    coarser = [
        o for o in x.table.columns if o.is_id and o.distinct < 0.95 * c.distinct and o.name not in x.bill_columns
    ]
    return next((o.name for o in coarser if o.distinct > 20 and x.table.dependency(c.name, o.name) > STRONG), None)


def _user_id(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.is_id and c.distinct >= 5)
    yield from _match_known_ids("user_id", c, x, "shoppers")
    if c.name in x.bill_columns and c.rows_per_value < 20 and not x.known_ids:
        yield -1.5, "one time per value, like a bill number"
    of_bill = x.dependency_on_bill(c)
    if of_bill is not None and c.name not in x.bill_columns:
        yield (1.5, "one value per bill") if of_bill > STRONG else (-2, "several values in one bill")
    elif of_bill is None and x.dependency_on_time(c) > 0.5:
        yield 1, "rows with the same time share one value"
    if 0.01 < c.nulls < 0.95:
        yield 0.5, f"{c.nulls:.0%} of rows are empty, like anonymous sales"
    if c.distinct < 20:
        yield -1, f"only {c.distinct} values"
    elif c.distinct > 50 and c.rows_per_value > 1.2:
        # Of several ids that a bill has one of (shopper, store, week), shoppers are the most.
        yield min(0.9, 0.25 * math.log10(c.distinct)), f"{c.distinct:,} values with {c.rows_per_value:.3g} rows each"
    if x.references.get(c.name) and not x.known_ids:
        yield 0.5, f"found in {x.references[c.name][0]}"


def _item_id(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require((c.is_id or (c.kind == "text" and c.words <= 10 and c.paths < 0.5)) and c.distinct >= 2)
    yield from _match_known_ids("item_id", c, x, "items sold")
    of_bill = x.dependency_on_bill(c)
    if of_bill is not None:
        yield (-2.5, "one value per bill") if of_bill > STRONG else (0.8, "several values in one bill")
    if c.name in x.bill_columns and c.rows_per_value > 1.02:
        yield -2.5, "one time per value, like a bill number"
    described, by = x.strongest_dependency(c, _is_description)
    if described > 0.6:
        yield 1.2, f"determines {by}"
    if x.strongest_dependency(c, lambda o: o.kind == "number" and o.whole < 0.9)[0] > 0.4:
        yield 0.7, "has its own price"
    if x.references.get(c.name) and not x.known_ids:
        yield 0.8, f"found in {x.references[c.name][0]}"
    if c.distinct < 5:
        yield -1, f"only {c.distinct} values"
    elif c.rows_per_value > 1.5:
        yield 0.5, f"{c.distinct:,} values with {c.rows_per_value:.3g} rows each"
    if c.kind == "text" and c.words > 1.4 and c.distinct < x.table.rows / 5:
        yield 0.8, "short names that repeat"


def _is_description(c: ProfiledColumn) -> bool:
    return c.kind == "text" and c.words > 1.3 and c.length > 6 and c.distinct > 20


def _match_known_ids(column: str, c: ProfiledColumn, x: TableContext, what: str) -> Iterator[Point]:
    """Yield points for ids that the sales use, against ids that they do not."""
    sale_ids, values = x.known_ids.get(column), x.table.values.get(c.name)
    if not sale_ids or not values:
        return
    shared = len(sale_ids & values) / min(len(sale_ids), len(values))
    if shared > SHARED:
        yield 2.5, f"{shared:.0%} are the {what}"
    elif len(values) > 20:
        yield -3, f"{NOT_THE_IDS}{what}"


def _store_id(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind in ("number", "text") and (c.is_id or c.distinct == 2) and c.distinct < max(10, x.table.rows / 10))
    of_bill = x.dependency_on_bill(c)
    if of_bill is not None:
        yield (0.8, "one value per bill") if of_bill > STRONG else (-1.5, "several values in one bill")
    if 2 <= c.distinct <= 2000:
        yield 0.3, f"{c.distinct} values"


def _channel(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "text" and 1 <= c.distinct <= 15 and c.words < 4)
    of_bill = x.dependency_on_bill(c)
    if of_bill is not None and c.distinct > 1:
        yield (0.5, "one value per bill") if of_bill > STRONG else (-1.5, "several values in one bill")
    if sum(share for value, share in c.top if concept_set(value) & {"channel"} or set(tokens(value)) & _CHANNELS) > 0.6:
        yield 1.5, f"values like {c.top[0][0]}"
    else:
        yield 0.3, f"{c.distinct} values"


def _quantity(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "number" and not c.is_key)
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
    of_bill = x.dependency_on_bill(c)
    if (of_bill or 0) > STRONG or x.dependency_on_time(c) > 0.95:
        yield -2, "determined by the bill or its time"
    elif of_bill is not None:
        yield 0.3, "several values in one bill"
    if 0 < c.negative < 0.2:
        yield 0.4, f"{c.negative:.1%} below 0, like returns"
    if x.strongest_dependency(c, lambda o: o.is_id and o.distinct > 20)[0] > STRONG:
        yield -2, "determines other ids"


def _formula(product: Product) -> str:
    less = f" - {product.discount}" if product.discount else ""
    return f"{product.quantity} x {product.unit_price}{less} = {product.amount} on {product.share:.0%} of rows"


def _money(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "number" and c.distinct > 1 and c.dates is None)
    _require(not c.is_key or c.whole < 0.9)
    yield (0.7, "amounts with cents") if c.whole < 0.95 else (-0.5, "whole numbers only")
    if c.zero > 0.5:
        yield -2, f"{c.zero:.0%} are 0"
    elif c.zero > 0.2:
        yield -0.5, f"{c.zero:.0%} are 0"
    if (x.dependency_on_bill(c) or 0) > 0.95 and x.bill_columns and x.table.rows > 100:
        yield -0.7, "one value per bill"
    elif x.dependency_on_bill(c) is not None:
        yield 0.3, "several values in one bill"
    if c.whole < 0.95 and not any(o.kind == "number" and o.whole < 0.95 for o in x.table.columns if o.name != c.name):
        yield 0.6, "the only amounts"
    if (c.high or 0) <= 0:
        yield -2, "none above 0"


def _unit_price(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    yield from _money(c, x)
    if any(product.unit_price == c.name for product in x.products[:3]):
        yield 2.2, _formula(next(p for p in x.products if p.unit_price == c.name))
    elif any(product.amount == c.name for product in x.products[:3]):
        yield -2, "the product of two others"
    rises = _rises_with_quantity(c, x)
    if rises is not None:
        yield (0.6, "does not rise with the quantity") if rises < 0.15 else (-0.8, "rises with the quantity")
    if c.negative > 0.05:
        yield -1, f"{c.negative:.0%} below 0"
    if any(o.is_id and o.distinct > 20 and 0.35 < x.table.dependency(o.name, c.name) < 0.99 for o in x.table.columns):
        yield 0.5, "similar for one item"


def _amount(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    yield from _money(c, x)
    if any(product.amount == c.name for product in x.products[:3]):
        yield 2.2, _formula(next(p for p in x.products if p.amount == c.name))
    elif any(product.unit_price == c.name for product in x.products[:3]):
        yield -2, "a factor of another column"
    rises = _rises_with_quantity(c, x)
    if rises is None:
        yield 0.4, "no quantity column, so not a price per piece"
    else:
        yield (0.8, "rises with the quantity") if rises > 0.15 else (-0.8, "does not rise with the quantity")


def _rises_with_quantity(c: ProfiledColumn, x: TableContext) -> float | None:
    if not x.quantities or c.name not in x.table.numbers:
        return None
    return quantity_correlation(x.table.numbers, x.quantities[0], c.name) if x.quantities[0] != c.name else None


def _discount(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "number" and c.negative < 0.02 + 0.5 * (c.zero < 0.9) * _has_refunds(x))
    if any(product.discount == c.name for product in x.products[:3]):
        yield 2.5, _formula(next(p for p in x.products if p.discount == c.name))
    elif name_score("discount", c.name) <= 0:
        yield -2, "nothing says that it is a discount"
    if 0.2 < c.zero < 0.995:
        yield 0.7, f"{c.zero:.0%} are 0"
    yield min(0.6, 1 - c.zero), f"{1 - c.zero:.0%} are not 0"


def _has_refunds(x: TableContext) -> bool:
    """Return whether quantities below 0 explain discounts below 0."""
    return any(x.table.column(name).negative > 0 for name in x.quantities)


def _is_return(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "flag" or (c.kind in ("number", "text") and c.distinct <= 2))
    yes = sum(share for value, share in c.top if value.lower() in ("1", "true", "yes", "y", "t"))
    if 0 < yes < 0.4:
        yield 0.7, f"true on {yes:.1%} of rows"


def _ts(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.dates is not None and c.dates.parsed_share > 0.9 and c.distinct > 1)
    yield from _moment(c, x)
    if c.dates and c.dates.has_clock:
        yield 0.8, "with the time of day"
    if c.nulls > 0.3:
        yield -2, f"{c.nulls:.0%} are empty"
    if len(x.timestamps) == 1 and c.kind == "time":
        yield 1, "the only times"
    elif c.distinct == max((o.distinct for o in x.timestamps), default=0):
        yield 0.5, "the most precise times"
    if any(x.table.dependency(b, c.name) > STRONG for b in x.bill_columns):
        yield 0.7, "one per bill"


def _moment(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.dates is not None)
    if c.kind == "time":
        yield 0.7, "dates"
    if c.dates and c.dates.doubt and c.kind == "number":
        _require(max(name_score(name, c.name) for name in ("ts", "sent_at", "first_seen", "responded_at")) > 0.5)
        yield 0.7, "numbers that count seconds"


def _response_time(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    yield from _moment(c, x)
    yield (1, f"{c.nulls:.0%} are empty") if c.nulls > 0.1 else (-0.5, "none is empty")


def _sending_time(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    yield from _moment(c, x)
    if c.nulls > 0.3:
        yield -1, f"{c.nulls:.0%} are empty"


def _description(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "text" and c.distinct >= 4 and c.paths < 0.5 and c.words < 25)
    yield (1, f"{c.words:.1f} words") if c.words > 1.4 else (-0.7, "single words")
    items = [o for o in x.table.columns if o.name != c.name and name_score("item_id", o.name, x.table.name) > 0.5]
    if c.distinct > 0.3 * x.table.rows or any(0.3 * o.distinct < c.distinct <= 3 * o.distinct for o in items):
        yield 0.8, "nearly every item has its own text"
    if (x.dependency_on_bill(c) or 0) > STRONG:
        yield -2, "one value per bill"


def _brand(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind in ("text", "number") and c.distinct >= 2 and c.words < 6)
    if c.distinct < 0.2 * x.table.rows and c.kind == "text":
        yield 0.5, f"{c.distinct:,} values"
    if c.kind == "number":
        yield -1, "numbers"


def _image(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.paths > 0.5)
    yield 1.5, "paths or addresses of files"


def _campaign_id(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind in ("number", "text") and c.words < 10 and not c.is_key)
    if c.distinct < x.table.rows / 3:
        yield 0.7, f"{c.distinct:,} values with {c.rows_per_value:.3g} rows each"
    if x.references.get(c.name):
        yield 0.3, f"found in {x.references[c.name][0]}"


def _offer(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "text" and c.distinct < max(10, x.table.rows / 3))
    yield 0.5, f"{c.distinct:,} values"


def _flag(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "flag")
    yield 0.7, "true or false"


def _text(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "text")
    yield (2, f"{c.words:.0f} words on average") if c.words > 6 else (-2.5, "hardly any sentences")


def _rating(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "number" and 2 < c.distinct <= 21 and (c.low or 0) >= 0 and (c.high or 0) <= 100)
    yield 1, f"{c.distinct} values from {c.low:g} to {c.high:g}"


def _label(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind in ("text", "number") and 1 < c.distinct < x.table.rows / 2)
    yield 0.5, f"{c.distinct:,} values"


def _count(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.kind == "number" and c.whole > 0.999 and (c.low or 0) >= 0)
    yield 0.5, "whole numbers"


def _media_id(c: ProfiledColumn, x: TableContext) -> Iterator[Point]:
    _require(c.is_id or c.paths > 0.5)
    _require(c.filled == c.distinct)
    yield 1, "a different value in every row"


_EVIDENCE: Mapping[str, Callable[[ProfiledColumn, TableContext], Iterator[Point]]] = {
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
    "sent_at": _sending_time,
    "responded_at": _response_time,
    "treated": _flag,
    "text": _text,
    "rating": _rating,
    "media_id": _media_id,
    "uri": _image,
    "label": _label,
}
# The columns to look for; decoded facts of media and texts are not in any table.
COLUMNS = frozenset(_EVIDENCE)
