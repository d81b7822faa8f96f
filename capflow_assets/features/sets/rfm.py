"""Feature set "rfm": how recently, how often and how much each shopper buys, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import Feature, FeatureSet
from capflow_assets.features.columns import count, number, select_features, share
from capflow_assets.features.visits import cents, day_number_of, is_return, visits

if TYPE_CHECKING:
    import ibis

WINDOW_DAYS = (30, 90, 180, 365)
ONLINE_CHANNELS = ("online", "web", "website", "app", "mobile", "ecommerce", "e-commerce", "internet")
QUINTILES = 5


def rfm(tables: Mapping[str, ibis.Table], as_of: datetime, window_days: Sequence[int] = WINDOW_DAYS) -> ibis.Table:
    """Compute recency, frequency and spend of every shopper with at least one visit before `as_of`.

    One row per shopper; columns as in `RFM.features`, for `window_days` (90 and 180 must be among them). Spend is of
    purchases, returns not deducted, in the customer's currency. Days and hours are UTC. A ratio whose denominator is
    zero or unknown is null.
    """
    seen = visits(tables["bills"])
    shoppers = _by_shopper(seen, as_of, window_days)
    scored = shoppers.left_join(_stores(seen), "user_id").drop("user_id_right")
    scored = scored.left_join(_lines(tables["line_items"]), "user_id").drop("user_id_right")
    for name, column, best_first in (
        ("recency_score", "recency_days", False),
        ("frequency_score", "frequency_bills", True),
        ("monetary_score", "spend_cents", True),
    ):
        scores = quintiles(shoppers, column, name, high_is_good=best_first)
        scored = scored.left_join(scores, column).drop(f"{column}_right")
    return _select(scored, window_days)


def quintiles(table: ibis.Table, column: str, name: str, high_is_good: bool) -> ibis.Table:
    """Return the score, 1 (worst fifth) to 5 (best fifth), of each value of `column`; equal values score the same.

    A score is 1 + floor(5 x shoppers with a strictly worse value / all shoppers): no ties to break, so it depends
    neither on row order nor on ids. Windows run over distinct values, not shoppers, so that no engine must sort
    all shoppers on one machine. Method: Hughes, "Strategic Database Marketing" (1994).
    """
    import ibis

    known = table.filter(table[column].notnull())
    values = known.group_by(column).aggregate(shoppers=known.count())
    worst_first = ibis.asc(column) if high_is_good else ibis.desc(column)
    so_far = values.shoppers.sum().over(ibis.window(order_by=worst_first, preceding=None, following=0))
    everyone = values.shoppers.sum().over(ibis.window())
    score = (so_far - values.shoppers) * QUINTILES // everyone + 1
    return values.select(column, score.cast("int64").name(name))


def _by_shopper(bought: ibis.Table, as_of: datetime, window_days: Sequence[int]) -> ibis.Table:
    online = bought.channel.lower().isin(ONLINE_CHANNELS)
    windows = {}
    for days in window_days:
        recent = bought.ts >= as_of - timedelta(days=days)
        windows[f"frequency_bills_{days}d"] = bought.count(where=recent)
        windows[f"spend_cents_{days}d"] = bought.cents.sum(where=recent).fill_null(0)
    summed = bought.group_by("user_id").aggregate(
        first_day=bought.day.min(),
        last_day=bought.day.max(),
        days_active=bought.day.nunique(),
        frequency_bills=bought.count(),
        spend_cents=bought.cents.sum(),
        items=bought.line_item_count.sum(),
        bills_with_items=bought.line_item_count.count(),
        bills_online=bought.count(where=online.fill_null(False)),
        bills_with_channel=bought.channel.count(),
        **windows,
    )
    today = day_number_of(as_of)
    return summed.mutate(recency_days=today - summed.last_day, tenure_days=today - summed.first_day)


def _stores(bought: ibis.Table) -> ibis.Table:
    """Count stores in two plain groupings: several distinct counts in one grouping are slow on Spark."""
    pairs = bought.filter(bought.store_id.notnull()).select("user_id", "store_id").distinct()
    return pairs.group_by("user_id").aggregate(distinct_stores=pairs.count())


def _lines(line_items: ibis.Table) -> ibis.Table:
    lines = line_items.filter(line_items.user_id.notnull())
    lines = lines.mutate(returned=is_return(lines), cents=cents(lines.amount), saved=cents(lines.discount))
    bought = ~lines.returned
    priced = bought & lines.saved.notnull() & lines.cents.notnull()
    return lines.group_by("user_id").aggregate(
        distinct_items=lines.item_id.nunique(where=bought),
        bought_cents=lines.cents.sum(where=bought),
        returned_cents=lines.cents.abs().sum(where=lines.returned).fill_null(0),
        saved_cents=lines.saved.sum(where=priced),
        list_cents=(lines.cents + lines.saved).sum(where=priced),
    )


def _select(t: ibis.Table, window_days: Sequence[int]) -> ibis.Table:
    """Compute the features from the integers that they are made of."""
    computed = {
        "spend": t.spend_cents / 100,
        "spend_per_visit": t.spend_cents / (t.frequency_bills * 100),
        "items_per_visit": t["items"] / t.bills_with_items.nullif(0),
        "return_share": share(t.returned_cents, t.bought_cents),
        "discount_share": share(t.saved_cents, t.list_cents),
        "online_share": t.bills_online / t.bills_with_channel.nullif(0),
        "visits_trend_ratio_90d": share(t.frequency_bills_90d, t.frequency_bills_180d - t.frequency_bills_90d),
        "spend_trend_ratio_90d": share(t.spend_cents_90d, t.spend_cents_180d - t.spend_cents_90d),
    }
    computed |= {f"spend_{days}d": t[f"spend_cents_{days}d"] / 100 for days in window_days}
    return select_features(t, ("user_id",), features_of(window_days), computed)


def features_of(window_days: Sequence[int]) -> tuple[Feature, ...]:
    """Return the columns of the set with these windows."""
    return (
        count("recency_days", "Days since the last visit.", "last visit {value:.0f} days ago"),
        count("tenure_days", "Days since the first visit.", "first visit {value:.0f} days ago"),
        count("frequency_bills", "Visits so far.", "{value:.0f} visits so far"),
        *(
            count(
                f"frequency_bills_{d}d", f"Visits in the last {d} days.", f"{{value:.0f}} visits in the last {d} days"
            )
            for d in window_days
        ),
        count("days_active", "Days with at least one visit.", "shopped on {value:.0f} different days"),
        number("spend", "Spent so far, in the customer's currency.", "spent {value:,.2f} so far"),
        *(
            number(
                f"spend_{d}d",
                f"Spent in the last {d} days, in the customer's currency.",
                f"spent {{value:,.2f}} in the last {d} days",
            )
            for d in window_days
        ),
        number("spend_per_visit", "Average bill, in the customer's currency.", "spends {value:,.2f} a visit"),
        number("items_per_visit", "Lines on the average bill.", "buys {value:.1f} items a visit"),
        count("distinct_items", "Different items bought.", "has bought {value:.0f} different items"),
        count("distinct_stores", "Different stores visited.", "shops in {value:.0f} stores"),
        number(
            "return_share", "Value returned, as a share of the value bought.", "returns {value:.0%} of what they buy"
        ),
        number("discount_share", "Discounts, as a share of list price.", "saves {value:.0%} through discounts"),
        number("online_share", "Share of visits that were online.", "{value:.0%} of visits are online"),
        number(
            "visits_trend_ratio_90d",
            "Visits in the last 90 days over visits in the 90 days before; null when there were none before.",
            "visits are {value:.0%} of what they were the quarter before",
        ),
        number(
            "spend_trend_ratio_90d",
            "Spend in the last 90 days over spend in the 90 days before; null when there was none before.",
            "spend is {value:.0%} of what it was the quarter before",
        ),
        count(
            "recency_score",
            "Recency fifth: 5 for the latest shoppers, 1 for the longest gone.",
            "recency {value:.0f} of 5",
        ),
        count("frequency_score", "Frequency fifth: 5 for the most visits.", "frequency {value:.0f} of 5"),
        count("monetary_score", "Spend fifth: 5 for the highest spend.", "spend {value:.0f} of 5"),
    )


def rfm_of(window_days: Sequence[int]) -> FeatureSet:
    """Return the set with these windows in days; the trends need 90 and 180 among them."""
    return FeatureSet(
        name="rfm",
        description="How recently, how often and how much each shopper buys, and how.",
        tables=("bills", "line_items"),
        features=features_of(window_days),
        build=partial(rfm, window_days=window_days) if tuple(window_days) != WINDOW_DAYS else rfm,
    )


RFM = rfm_of(WINDOW_DAYS)
FEATURES = RFM.features
