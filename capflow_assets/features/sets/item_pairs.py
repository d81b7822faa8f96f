"""Feature set "item_pairs": which items are in the same baskets, and how much more often than by chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.columns import count, number, select_features
from capflow_assets.features.purchases import item_sales

if TYPE_CHECKING:
    import ibis

YEAR_DAYS = 365
MOST_ITEMS_ON_BILL = 100  # at most 4,950 pairs a bill; a wholesaler's bill says little about what goes with what
MOST_ITEMS = 5_000  # as in the product_affinity model: at most 25 million pairs, however large the assortment
LEAST_TOGETHER = 2  # one bill is an anecdote, as one shopper is in methods/recommend/co_purchase.py
SHRINKAGE = 10.0  # as in the product_affinity model


def item_pairs(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute association measures of items sold on the same bills in the 365 days before `as_of`, anonymous ones too.

    One row for each ordered pair of different items; columns as in `ITEM_PAIRS.features`. Shares are of all bills of
    the year that hold at most 100 different items. Larger bills are left out, and so are pairs on fewer than two bills
    and all items but the 5,000 on most bills (`count_left_out` counts them).

    Method: support, confidence and lift after Agrawal et al. (1993) and Brin et al. (1997); the shrunk cosine of
    methods/recommend/co_purchase.py, with bills instead of shoppers.
    """
    import ibis

    on_bills = _on_bills(tables["line_items"], as_of)
    frequent = _frequent(on_bills)
    numbered = on_bills.join(frequent.select("item_id", "number"), "item_id").select("bill_id", "number")
    # They are distinct already; without this DuckDB joined a million lines in an order that did not end.
    numbered = numbered.distinct()
    other = numbered.view()
    both = numbered.join(other, [numbered.bill_id == other.bill_id, numbered.number < other.number])
    both = both.select(one=numbered.number, other=other.number)
    pairs = both.group_by("one", "other").aggregate(together=both.count())
    pairs = pairs.filter(pairs.together >= LEAST_TOGETHER)
    ordered = ibis.union(pairs, pairs.select(one="other", other="one", together="together"), distinct=False)
    return _select(_with_items(ordered, frequent, on_bills))


def count_left_out(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Count the bills that are too large and the items sold too seldom to be paired, in one row."""
    import ibis

    wares = _wares(tables["line_items"], as_of)
    sizes = _sizes(wares)
    large = sizes.aggregate(
        bills_of_more_than_100_items=sizes.count(where=sizes["size"] > MOST_ITEMS_ON_BILL),
        items_on_those_bills=sizes["size"].sum(where=sizes["size"] > MOST_ITEMS_ON_BILL).fill_null(0).cast("int64"),
    )
    frequent = _frequent(_on_bills(tables["line_items"], as_of))
    paired = frequent.aggregate(paired=frequent.count())
    known = wares.aggregate(known=wares.item_id.nunique())
    every = ibis.cross_join(large, paired, known)
    return every.select(*large.columns, items_not_among_the_5000=every.known - every.paired)


def _on_bills(line_items: ibis.Table, as_of: datetime) -> ibis.Table:
    """Return the items on each bill that counts, each once."""
    wares = _wares(line_items, as_of)
    sizes = _sizes(wares)
    return wares.semi_join(sizes.filter(sizes["size"] <= MOST_ITEMS_ON_BILL), "bill_id")


def _wares(line_items: ibis.Table, as_of: datetime) -> ibis.Table:
    lines = item_sales(line_items)
    recent = lines.filter(lines.ts >= as_of - timedelta(days=YEAR_DAYS), lines.bill_id.notnull())
    return recent.select("bill_id", "item_id").distinct()


def _sizes(wares: ibis.Table) -> ibis.Table:
    return wares.group_by("bill_id").aggregate(size=wares.count())


def _frequent(on_bills: ibis.Table) -> ibis.Table:
    """Number the items on most bills; integers join and group faster than ids. Items with equal counts stay in."""
    import ibis

    counted = on_bills.group_by("item_id").aggregate(bills=on_bills.count())
    ranked = counted.mutate(
        above=ibis.rank().over(order_by=counted.bills.desc()),
        number=ibis.row_number().over(order_by=[counted.bills.desc(), counted.item_id]).cast("int32"),
    )
    return ranked.filter(ranked.above < MOST_ITEMS).drop("above")


def _with_items(pairs: ibis.Table, frequent: ibis.Table, on_bills: ibis.Table) -> ibis.Table:
    import ibis

    bills = on_bills.select("bill_id").distinct().aggregate(all_bills=ibis._.count())
    one = frequent.select(one="number", item_id="item_id", bills="bills")
    other = frequent.select(other="number", other_item_id="item_id", other_bills="bills")
    return ibis.cross_join(pairs.join(one, "one").join(other, "other"), bills)


def _select(t: ibis.Table) -> ibis.Table:
    together = t.together.cast("float64")
    cosine = together / (t.bills.cast("float64") * t.other_bills.cast("float64")).sqrt()
    computed = {
        "bills_together": t.together,
        "support": together / t.all_bills,
        "confidence": together / t.bills,
        "lift": together / t.bills * (t.all_bills.cast("float64") / t.other_bills),
        "similarity": cosine * (together / (together + SHRINKAGE)),
    }
    return select_features(t, ("item_id", "other_item_id"), FEATURES, computed)


FEATURES = (
    count("bills_together", "Bills of the last 365 days with both items.", "on {value:.0f} bills together"),
    number("support", "Share of all bills with both items.", "on {value:.2%} of bills together"),
    number(
        "confidence",
        "Share of the bills with the item that hold the other one too.",
        "{value:.0%} of its bills hold the other one",
    ),
    number(
        "lift",
        "How much more often the other item is on bills with this one than on any bill: 1 is chance.",
        "{value:.1f} times as often together as by chance",
    ),
    number(
        "similarity",
        "Cosine of both items' bills, shrunk where few bills speak for it: 1 is always together.",
        "similarity {value:.2f} of 1",
    ),
)

ITEM_PAIRS = FeatureSet(
    name="item_pairs",
    description="Which items are in the same baskets, and how much more often than by chance.",
    tables=("line_items",),
    features=FEATURES,
    build=item_pairs,
    key=("item_id", "other_item_id"),
    historical=False,
    left_out=count_left_out,
)
