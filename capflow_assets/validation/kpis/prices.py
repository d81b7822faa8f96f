"""Price outliers: lines far from the median price of their item."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

OUTLIER_FACTOR = 20


def count_price_outliers(sold: ibis.Table) -> ibis.Table:
    """Return one row: how many sold `lines` have a price and an item, and how many are `far` off its median."""
    prices = _prices_per_item(sold)
    far = _is_outlier(prices["unit_price"], prices["usual_price"])
    return prices.aggregate(lines=prices["lines"].sum(), far=prices["lines"].sum(where=far))


def price_outliers(sold: ibis.Table) -> ibis.Table:
    """Return the sold lines more than 20 times off their item's median price, with that median as `usual_price`."""
    prices = _prices_per_item(sold)
    usual = prices.group_by("item_id").aggregate(usual_price=prices["usual_price"].max())
    priced = sold.filter(sold["unit_price"] > 0, sold["item_id"].notnull())
    judged = priced.join(usual, "item_id")
    return judged.filter(_is_outlier(judged["unit_price"], judged["usual_price"])).select(*sold.columns, "usual_price")


def _prices_per_item(sold: ibis.Table) -> ibis.Table:
    """Return each price of each item with the number of `lines` at it, and the item's median over all its lines.

    Robust: a median of the item's own prices, not a mean that outliers move. Computed over the few distinct prices of
    an item rather than over its lines, which an engine's median would keep in memory.
    """
    import ibis

    priced = sold.filter(sold["unit_price"] > 0, sold["item_id"].notnull())
    prices = priced.group_by("item_id", "unit_price").aggregate(lines=priced.count())
    item = ibis.window(group_by="item_id")
    upto = ibis.window(group_by="item_id", order_by="unit_price", preceding=None, following=0)
    prices = prices.mutate(upto=prices["lines"].sum().over(upto), all=prices["lines"].sum().over(item))
    lower = prices["unit_price"].min(where=prices["upto"] * 2 >= prices["all"])
    upper = prices["unit_price"].min(where=prices["upto"] * 2 > prices["all"])
    prices = prices.mutate(lower=lower.over(item), upper=upper.over(item))
    return prices.select("item_id", "unit_price", "lines", usual_price=(prices["lower"] + prices["upper"]) / 2)


def _is_outlier(price: ibis.ir.FloatingColumn, usual: ibis.ir.FloatingColumn) -> ibis.ir.BooleanColumn:
    return (price > usual * OUTLIER_FACTOR) | (price * OUTLIER_FACTOR < usual)
