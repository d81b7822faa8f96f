"""Feature set "user_item": who bought what, how often and how recently: the sparse matrix behind recommendations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.columns import count, number, select_features, share
from capflow_assets.features.purchases import item_purchases
from capflow_assets.features.visits import day_number_of

if TYPE_CHECKING:
    import ibis

YEAR_DAYS = 365
HALF_LIVES_DAYS = (30, 180)
ONE = 2**53  # a weight of 1, in the whole parts that weights are added up in: exact, so no order of rows changes it


def user_item(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute how often and how recently each shopper bought each item in the 365 days before `as_of`.

    One row for each pair of shopper and item that exists; columns as in `USER_ITEM.features`. A purchase is a day on
    which the shopper bought the item, however many bills and lines: as in the product_affinity model. Recency-weighted
    counts add 2^(-age in days / half-life) for each purchase.

    Pairs grow with shoppers times what they buy, so older purchases are left out (see `count_left_out`) and only the
    newest date is computed: there are never more rows than lines sold in a year.
    """
    lines = _last_year(item_purchases(tables["line_items"]), as_of)
    days = lines.group_by("user_id", "item_id", "day").aggregate(
        thousandths=lines.thousandths.sum().cast("int64"), cents=lines.cents.sum().cast("int64")
    )
    age = day_number_of(as_of) - days.day
    weights = {f"weight_{h}d": (2.0 ** (-age / h) * ONE).floor().cast("int64").sum() for h in HALF_LIVES_DAYS}
    pairs = days.group_by("user_id", "item_id").aggregate(
        times_bought=days.count(),
        first_day=days.day.min(),
        last_day=days.day.max(),
        thousandths=days.thousandths.sum(),
        cents=days.cents.sum(),
        **weights,
    )
    return _select(pairs, day_number_of(as_of))


def count_left_out(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Count the lines of identified shoppers that are left out because they are older than a year, in one row."""
    lines = item_purchases(tables["line_items"])
    return lines.aggregate(lines_older_than_365_days=lines.count(where=lines.ts < _start(as_of)))


def _last_year(lines: ibis.Table, as_of: datetime) -> ibis.Table:
    return lines.filter(lines.ts >= _start(as_of))


def _start(as_of: datetime) -> datetime:
    return as_of - timedelta(days=YEAR_DAYS)


def _select(t: ibis.Table, today: int) -> ibis.Table:
    gap = share(t.last_day - t.first_day, t.times_bought - 1)
    computed = {
        "quantity": t.thousandths / 1000,
        "amount": t.cents / 100,
        "last_bought_days": today - t.last_day,
        "repurchase_gap_days": gap,
        "due_ratio": (today - t.last_day) / gap,
        **{f"weighted_times_{h}d": t[f"weight_{h}d"] / ONE for h in HALF_LIVES_DAYS},
    }
    return select_features(t, ("user_id", "item_id"), FEATURES, computed)


FEATURES = (
    count("times_bought", "Days of the last 365 on which the shopper bought the item.", "bought {value:.0f} times"),
    number("quantity", "Pieces (or units of weight) bought in the last 365 days.", "{value:.1f} pieces in a year"),
    number("amount", "Paid for it in the last 365 days, in the customer's currency.", "{value:,.2f} in a year"),
    count("last_bought_days", "Days since it was bought last.", "last bought {value:.0f} days ago"),
    *(
        number(
            f"weighted_times_{h}d",
            f"Times bought, each counting half as much for every {h} days since.",
            f"bought {{value:.2f}} times, old purchases counting half after {h} days",
        )
        for h in HALF_LIVES_DAYS
    ),
    number(
        "repurchase_gap_days",
        "Average days from one purchase of the item to the next; needs two.",
        "bought again every {value:.0f} days",
    ),
    number(
        "due_ratio",
        "Days since the last purchase over the average days between two: above 1 is overdue.",
        "{value:.1f} times the usual wait since the last purchase",
    ),
)

USER_ITEM = FeatureSet(
    name="user_item",
    description="Who bought what in the last 365 days, how often and how recently: one row for each pair that exists.",
    tables=("line_items",),
    features=FEATURES,
    build=user_item,
    key=("user_id", "item_id"),
    historical=False,
    left_out=count_left_out,
)
