"""What an item usually costs, and the lines that cost something else altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

OUTLIER_FACTOR = 20


def price_figures(sold: ibis.Table) -> ibis.Table:
    """One row: how many sold `lines` have a price and an item, and how many are `far` from their item's median."""
    prices = _prices(sold)
    far = _far(prices["unit_price"], prices["usual_price"])
    return prices.aggregate(lines=prices["lines"].sum(), far=prices["lines"].sum(where=far))


def price_outliers(sold: ibis.Table) -> ibis.Table:
    """The sold lines more than 20 times off their item's median price, which `usual_price` tells."""
    prices = _prices(sold)
    usual = prices.group_by("item_id").aggregate(usual_price=prices["usual_price"].max())
    priced = sold.filter(sold["unit_price"] > 0, sold["item_id"].notnull())
    judged = priced.join(usual, "item_id")
    return judged.filter(_far(judged["unit_price"], judged["usual_price"])).select(*sold.columns, "usual_price")


def _prices(sold: ibis.Table) -> ibis.Table:
    """Each price of each item with how many `lines` have it, and the item's median over all its lines.

    Robust: the median of an item's own prices, not a mean that the outliers move. Over the few prices of an item
    rather than over its lines, which an engine's median would all keep in memory.
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


def _far(price: ibis.ir.FloatingColumn, usual: ibis.ir.FloatingColumn) -> ibis.ir.BooleanColumn:
    return (price > usual * OUTLIER_FACTOR) | (price * OUTLIER_FACTOR < usual)
