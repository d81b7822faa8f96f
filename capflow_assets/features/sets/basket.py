"""Feature set "basket": what each shopper's baskets are like, what they come back for, and from which departments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.columns import count, join_each, number, select_features, share
from capflow_assets.features.purchases import item_purchases

if TYPE_CHECKING:
    import ibis

RECENT_DAYS = 90
BITS = 2**56  # an entropy is added up in whole 2^-56ths of a bit: exact, so no order of rows changes it


def basket(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute the size and mix of baskets of every shopper with at least one purchase before `as_of`.

    One row per shopper; columns as in `BASKET.features`. A basket is a bill's lines that are sales. Features of
    categories and brands are null without `items`, and for a shopper none of whose items have one.
    """
    lines = item_purchases(tables["line_items"])
    wares = lines.group_by("user_id", "bill_id", "item_id").aggregate(
        lines=lines.count(),
        thousandths=lines.thousandths.sum().cast("int64"),
        cents=lines.cents.sum().cast("int64"),
        first_ts=lines.ts.min(),
        last_ts=lines.ts.max(),
    )
    items = _items_by_shopper(wares)
    placed = _with_categories(items, tables.get("items"))
    shoppers = join_each(_by_shopper(wares), [_repeats(items, as_of), _departments(placed), _brands(placed)])
    return _select(shoppers)


def departments(items: ibis.Table) -> ibis.Table:
    """Return `item_id`, `category` (its full path), `department` (the path's first part) and `brand`; null if unknown.

    The path is written "Drinks > Coffee".
    """
    path = items.category.strip().nullif("")
    return items.select(
        "item_id",
        category=path,
        department=path.split(">")[0].strip().nullif(""),
        brand=items.brand.strip().nullif(""),
    )


def _by_shopper(wares: ibis.Table) -> ibis.Table:
    baskets = wares.group_by("user_id", "bill_id").aggregate(
        items=wares.count(), lines=wares.lines.sum(), thousandths=wares.thousandths.sum(), cents=wares.cents.sum()
    )
    return baskets.group_by("user_id").aggregate(
        baskets=baskets.count(),
        single_item_baskets=baskets.count(where=baskets["items"] == 1),
        **{f"{name}_sum": baskets[name].sum() for name in ("lines", "thousandths", "cents")},
        **{f"{name}_max": baskets[name].max() for name in ("lines", "thousandths", "cents")},
    )


def _items_by_shopper(wares: ibis.Table) -> ibis.Table:
    return wares.group_by("user_id", "item_id").aggregate(
        baskets=wares.count(),
        lines=wares.lines.sum().cast("int64"),
        first_ts=wares.first_ts.min(),
        last_ts=wares.last_ts.max(),
    )


def _repeats(items: ibis.Table, as_of: datetime) -> ibis.Table:
    recent = as_of - timedelta(days=RECENT_DAYS)
    return items.group_by("user_id").aggregate(
        baskets_of_items=items.baskets.sum(),
        different_items=items.count(),
        recent_items=items.count(where=items.last_ts >= recent),
        new_items=items.count(where=items.first_ts >= recent),
    )


def _with_categories(bought_items: ibis.Table, items: ibis.Table | None) -> ibis.Table:
    import ibis

    if items is None:
        nothing = ibis.null("string")
        return bought_items.mutate(category=nothing, department=nothing, brand=nothing)
    return join_each(bought_items, [departments(items)], key="item_id")


def _departments(placed: ibis.Table) -> ibis.Table:
    """Count departments and compute Shannon's entropy (1948) of lines over them, -sum(p log2 p), per shopper."""
    import ibis

    known = placed.filter(placed.department.notnull())
    narrow = known.group_by("user_id", "department", "category").aggregate(lines=known.lines.sum().cast("int64"))
    wide = narrow.group_by("user_id", "department").aggregate(
        lines=narrow.lines.sum().cast("int64"), categories=narrow.count()
    )
    part = wide.lines / wide.lines.sum().over(ibis.window(group_by="user_id"))
    wide = wide.mutate(bits=(part.log2() * part * -BITS).floor().cast("int64"))
    return wide.group_by("user_id").aggregate(
        distinct_departments=wide.count(),
        distinct_categories=wide.categories.sum(),
        department_lines=wide.lines.sum(),
        top_department_lines=wide.lines.max(),
        bits=wide.bits.sum().cast("int64"),
    )


def _brands(placed: ibis.Table) -> ibis.Table:
    known = placed.filter(placed.brand.notnull())
    brands = known.group_by("user_id", "brand").aggregate(lines=known.lines.sum().cast("int64"))
    return brands.group_by("user_id").aggregate(
        distinct_brands=brands.count(),
        brand_lines=brands.lines.sum().cast("int64"),
        brand_squares=(brands.lines * brands.lines).sum().cast("int64"),
    )


def _select(t: ibis.Table) -> ibis.Table:
    import ibis

    again = share(t.baskets_of_items - t.different_items, t.baskets_of_items)
    computed = {
        "lines_per_basket": t.lines_sum / t.baskets,
        "largest_basket_lines": t.lines_max,
        "quantity_per_basket": t.thousandths_sum / (t.baskets * 1000),
        "largest_basket_quantity": t.thousandths_max / 1000,
        "amount_per_basket": t.cents_sum / (t.baskets * 100),
        "largest_basket_amount": t.cents_max / 100,
        "single_item_basket_share": t.single_item_baskets / t.baskets,
        "repurchase_share": ibis.ifelse(t.baskets > 1, again, ibis.null("float64")),
        "new_item_share_90d": share(t.new_items, t.recent_items),
        "top_department_share": share(t.top_department_lines, t.department_lines),
        "department_entropy": t.bits / BITS,
        "brand_concentration": t.brand_squares / (t.brand_lines * t.brand_lines),
    }
    return select_features(t, ("user_id",), FEATURES, computed)


FEATURES = (
    count("baskets", "Bills with at least one purchase.", "{value:.0f} baskets so far"),
    number("lines_per_basket", "Lines in the average basket.", "{value:.1f} lines a basket"),
    count("largest_basket_lines", "Lines in the largest basket.", "up to {value:.0f} lines in a basket"),
    number("quantity_per_basket", "Pieces (or units of weight) in the average basket.", "{value:.1f} pieces a basket"),
    number(
        "largest_basket_quantity",
        "Pieces (or units of weight) in the basket with the most.",
        "up to {value:.1f} pieces in a basket",
    ),
    number(
        "amount_per_basket",
        "Paid for the average basket, in the customer's currency, without returns.",
        "{value:,.2f} a basket",
    ),
    number(
        "largest_basket_amount",
        "Paid for the most expensive basket, in the customer's currency.",
        "up to {value:,.2f} for a basket",
    ),
    number(
        "single_item_basket_share",
        "Share of baskets that hold one item only.",
        "{value:.0%} of baskets hold one item",
    ),
    number(
        "repurchase_share",
        "Of the items in baskets, the share that the shopper had in an earlier basket; needs two baskets.",
        "{value:.0%} of what they take they had taken before",
    ),
    number(
        "new_item_share_90d",
        "Of the different items bought in the last 90 days, the share never bought before; 1 for a new shopper.",
        "{value:.0%} of the quarter's items are new to them",
    ),
    count(
        "distinct_departments",
        "Different departments (the first part of the category path) bought from.",
        "buys from {value:.0f} departments",
    ),
    count(
        "distinct_categories",
        "Different categories (the whole path) bought from.",
        "buys from {value:.0f} categories",
    ),
    number(
        "top_department_share",
        "Share of lines from the shopper's main department, of lines with a known one.",
        "{value:.0%} of purchases are from one department",
    ),
    number(
        "department_entropy",
        "How evenly lines spread over departments, in bits: 0 for one department, 3 for eight alike.",
        "variety of departments {value:.1f} bits",
    ),
    count("distinct_brands", "Different brands bought.", "buys {value:.0f} brands"),
    number(
        "brand_concentration",
        "Sum of the squared shares of the brands (Herfindahl): 1 for a single brand, near 0 for very many.",
        "loyalty to brands {value:.2f} of 1",
    ),
)

BASKET = FeatureSet(
    name="basket",
    description="What each shopper's baskets are like, what they come back for, and from which departments and brands.",
    tables=("line_items",),
    optional_tables=("items",),
    features=FEATURES,
    build=basket,
)
