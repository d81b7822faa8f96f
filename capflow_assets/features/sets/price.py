"""Feature set "price": each shopper's price level, discounts, bargains, and the price tier they buy in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.columns import join_each, number, select_features, share
from capflow_assets.features.purchases import item_sales
from capflow_assets.features.sets.basket import departments
from capflow_assets.features.visits import cents

if TYPE_CHECKING:
    import ibis

PRICE_UNITS = 10_000  # prices of one piece in ten-thousandths of the currency: screws cost less than a cent
LEVEL_UNITS = 10_000
TIERS = 5
LEAST_ITEMS_FOR_TIERS = 5


def price(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute price and discount behaviour of every shopper who paid for at least one item before `as_of`.

    One row per shopper; columns as in `PRICE.features`. An item's usual price is the lower median of what one piece of
    it was sold for, to anybody, before `as_of`; its lowest price is the lowest of these. Prices within 1 % count as
    equal. Free lines say nothing about prices and are left out. Tiers need `items` with categories.
    """
    lines = _lines_with_price(tables["line_items"])
    known = lines.filter(lines.user_id.notnull())
    return _select(_by_shopper(known.join(_price_list(lines, tables.get("items")), "item_id"), as_of))


def _lines_with_price(line_items: ibis.Table) -> ibis.Table:
    """Return every line that was paid for, with `paid`: the price of one piece after the discount, in PRICE_UNITS."""
    lines = item_sales(line_items)
    lines = lines.mutate(
        paid=(lines.cents * (PRICE_UNITS // 100) / lines.quantity).round().cast("int64"), saved=cents(lines.discount)
    )
    return lines.filter(lines.paid > 0)


def _price_list(lines: ibis.Table, items: ibis.Table | None) -> ibis.Table:
    """Return each item's usual, lowest and highest price, and its tier within its category.

    The median is found by counting: no engine has to hold all prices of an item at once, and none interpolates.
    """
    import ibis

    prices = lines.group_by("item_id", "paid").aggregate(lines=lines.count())
    ascending = ibis.window(group_by="item_id", order_by="paid", preceding=None, following=0)
    so_far = prices.lines.sum().over(ascending)
    prices = prices.mutate(from_middle=so_far * 2 >= prices.lines.sum().over(ibis.window(group_by="item_id")))
    listed = prices.group_by("item_id").aggregate(
        usual=prices.paid.min(where=prices.from_middle), lowest=prices.paid.min(), highest=prices.paid.max()
    )
    if items is None:
        return listed.mutate(tier=ibis.null("int64"))
    return join_each(listed, [_tiers(listed, items)], key="item_id")


def _tiers(listed: ibis.Table, items: ibis.Table) -> ibis.Table:
    """Return tiers, 1 (cheapest fifth of a category) to 5; equal prices share one. Null in categories under 5 items."""
    import ibis

    places = departments(items).select("item_id", "category")
    known = listed.join(places.filter(places.category.notnull()), "item_id")
    cheaper = ibis.rank().over(group_by=known.category, order_by=known.usual)
    size = known.item_id.count().over(group_by=known.category)
    tier = ibis.ifelse(size >= LEAST_ITEMS_FOR_TIERS, cheaper * TIERS // size + 1, ibis.null("int64"))
    return known.select("item_id", tier=tier.cast("int64"))


def _by_shopper(lines: ibis.Table, as_of: datetime) -> ibis.Table:
    usually = (lines.usual * lines.quantity / (PRICE_UNITS // 100)).round().cast("int64")
    lines = lines.mutate(
        usually=usually,
        level=(lines.paid * LEVEL_UNITS / lines.usual).round().cast("int64"),
        discounted=(lines.saved > 0).fill_null(False),
        moved=lines.highest * 100 > lines.lowest * 101,
    )
    quarter, half = (as_of - timedelta(days=days) for days in (90, 180))
    recent, prior = lines.ts >= quarter, (lines.ts >= half) & (lines.ts < quarter)
    return lines.group_by("user_id").aggregate(
        lines=lines.count(),
        level=lines.level.median(),
        paid_cents=lines.cents.sum(),
        usual_cents=lines.usually.sum(),
        with_discount_known=lines.saved.count(),
        discounted=lines.count(where=lines.discounted),
        saved_cents=lines.saved.sum(where=lines.discounted),
        list_cents=(lines.cents + lines.saved).sum(where=lines.discounted),
        bargains=lines.count(where=lines.moved & (lines.paid * 100 <= lines.lowest * 101)),
        moved=lines.count(where=lines.moved),
        in_full=lines.count(where=~lines.discounted & (lines.paid * 100 >= lines.usual * 99)),
        tiers=lines.tier.sum(),
        tiered=lines.tier.count(),
        recent_cents=lines.cents.sum(where=recent),
        recent_usual_cents=lines.usually.sum(where=recent),
        prior_cents=lines.cents.sum(where=prior),
        prior_usual_cents=lines.usually.sum(where=prior),
    )


def _select(t: ibis.Table) -> ibis.Table:
    recent = share(t.recent_cents, t.recent_usual_cents)
    prior = share(t.prior_cents, t.prior_usual_cents)
    computed = {
        "price_level": share(t.paid_cents, t.usual_cents),
        "median_price_level": t.level / LEVEL_UNITS,
        "price_level_trend_90d": recent / prior,
        "discounted_share": share(t.discounted, t.with_discount_known),
        "discount_depth": share(t.saved_cents, t.list_cents),
        "lowest_price_share": share(t.bargains, t.moved),
        "full_price_share": t.in_full / t.lines,
        "price_tier": share(t.tiers, t.tiered),
    }
    return select_features(t, ("user_id",), FEATURES, computed)


FEATURES = (
    number(
        "price_level",
        "Paid, over what the same items come to at their usual prices: under 1 is cheaper than others pay.",
        "pays {value:.0%} of usual prices",
    ),
    number(
        "median_price_level",
        "The median, over lines, of the price paid over the item's usual price.",
        "half of the items at under {value:.0%} of the usual price",
    ),
    number(
        "price_level_trend_90d",
        "The price level of the last 90 days over that of the 90 days before; needs purchases in both.",
        "price level {value:.0%} of the quarter before",
    ),
    number(
        "discounted_share",
        "Share of lines with a discount, of lines where the discount is known.",
        "{value:.0%} of items at a discount",
    ),
    number(
        "discount_depth",
        "Discounts over list price, of discounted lines; null without any.",
        "discounts of {value:.0%} when there are any",
    ),
    number(
        "lowest_price_share",
        "Share of lines at the item's lowest price so far, of lines with items whose price moved.",
        "{value:.0%} of items at their lowest price",
    ),
    number(
        "full_price_share",
        "Share of lines without a discount at the item's usual price or above.",
        "{value:.0%} of items at full price",
    ),
    number(
        "price_tier",
        "Average price tier of what is bought, within its category: 1 the cheapest fifth of items, 5 the dearest.",
        "buys in price tier {value:.1f} of 5",
    ),
)

PRICE = FeatureSet(
    name="price",
    description="How much each shopper looks at prices: levels, discounts, bargains, and the tier they buy in.",
    tables=("line_items",),
    optional_tables=("items",),
    features=FEATURES,
    build=price,
)
