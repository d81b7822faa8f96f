"""Feature set "rhythm": how regularly each shopper comes, and on which days and at what time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import Feature, FeatureSet
from capflow_assets.features.columns import number, select_features
from capflow_assets.features.visits import day_number_of, visits

if TYPE_CHECKING:
    import ibis

SATURDAY = 5
THURSDAY = 3  # 1970-01-01, day number 0


def rhythm(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute the rhythm of every shopper with at least one visit before `as_of`.

    One row per shopper; columns as in `RHYTHM.features`. Bills on one day are one day of shopping, so a gap is at least
    one day. What needs a second or third day is null without it. Days and hours are UTC; a bill at exactly 00:00:00
    counts as one without a recorded time.
    """
    days = _shopping_days(visits(tables["bills"]))
    return _select(_by_shopper(days), day_number_of(as_of))


def _shopping_days(bought: ibis.Table) -> ibis.Table:
    """Return one row per shopper and day, with the gap in days since the shopping day before."""
    import ibis

    hour = bought.ts.hour()
    timed = (hour != 0) | (bought.ts.minute() != 0) | (bought.ts.second() != 0)
    days = bought.group_by("user_id", "day").aggregate(
        timed_bills=bought.count(where=timed),
        morning_bills=bought.count(where=(hour >= 6) & (hour < 12)),
        evening_bills=bought.count(where=hour >= 18),
    )
    in_order = ibis.window(group_by="user_id", order_by="day")
    return days.mutate(
        gap=days.day - days.day.lag().over(in_order),
        is_last=days.day.lead().over(in_order).isnull(),
        weekday=(days.day + THURSDAY) % 7,
    )


def _by_shopper(days: ibis.Table) -> ibis.Table:
    """Aggregate whole numbers only: unlike sums of doubles, theirs do not depend on row order or engine."""
    return days.group_by("user_id").aggregate(
        days=days.count(),
        first_day=days.day.min(),
        last_day=days.day.max(),
        gaps=days.gap.count(),
        gap_squares=(days.gap * days.gap).sum(),
        median_gap_days=days.gap.median(),
        last_gap_days=days.gap.max(where=days.is_last),
        weekend_days=days.count(where=days.weekday >= SATURDAY),
        timed_bills=days.timed_bills.sum(),
        morning_bills=days.morning_bills.sum(),
        evening_bills=days.evening_bills.sum(),
        **{f"weekday_{k}": days.count(where=days.weekday == k) for k in range(7)},
    )


def _select(t: ibis.Table, today: int) -> ibis.Table:
    import ibis

    span = t.last_day - t.first_day
    gaps = t.gaps.nullif(0)
    mean = span / gaps
    variance = (t.gaps * t.gap_squares - span * span) / (t.gaps * (t.gaps - 1)).nullif(0)
    std = variance.sqrt()
    busiest = ibis.greatest(*[t[f"weekday_{k}"] for k in range(7)])
    computed = {
        "mean_gap_days": mean,
        "std_gap_days": std,
        "gap_ratio": (today - t.last_day) * t.gaps / span.nullif(0),
        "regularity": mean / (mean + std),
        "visits_per_week": t.gaps * 7 / (today - t.first_day).nullif(0),
        "weekend_share": t.weekend_days / t.days,
        "morning_share": t.morning_bills / t.timed_bills.nullif(0),
        "evening_share": t.evening_bills / t.timed_bills.nullif(0),
        "busiest_weekday_share": ibis.ifelse(t.gaps > 0, busiest / t.days, ibis.null("float64")),
    }
    return select_features(t, ("user_id",), FEATURES, computed)


FEATURES = (
    number("mean_gap_days", "Average days between shopping days.", "usually comes every {value:.0f} days"),
    number("median_gap_days", "Median days between shopping days.", "half of the gaps are under {value:.0f} days"),
    number(
        "std_gap_days",
        "Standard deviation of the days between shopping days; needs three shopping days.",
        "gaps between visits vary by {value:.0f} days",
    ),
    Feature(
        "last_gap_days",
        "int64",
        "Days between the last two shopping days.",
        "{value:.0f} days between the last two visits",
    ),
    number(
        "gap_ratio",
        "Days since the last visit over the average gap: above 1 is later than usual.",
        "away for {value:.1f} times the usual gap",
    ),
    number(
        "regularity",
        "Average gap / (average gap + its standard deviation): 1 is like clockwork, 0.5 is at random.",
        "regularity {value:.2f} of 1",
    ),
    number(
        "visits_per_week",
        "Shopping days a week since the first one, which is not counted.",
        "comes back {value:.1f} times a week",
    ),
    number(
        "weekend_share",
        "Share of shopping days on Saturday or Sunday (UTC).",
        "{value:.0%} of shopping days at the weekend",
    ),
    number(
        "morning_share",
        "Share of visits between 06:00 and 12:00 UTC, among those with a known time.",
        "{value:.0%} of visits between 06:00 and 12:00 UTC",
    ),
    number(
        "evening_share",
        "Share of visits between 18:00 and 24:00 UTC, among those with a known time.",
        "{value:.0%} of visits after 18:00 UTC",
    ),
    number(
        "busiest_weekday_share",
        "Share of shopping days on the shopper's favourite weekday; needs two shopping days.",
        "{value:.0%} of shopping days on the same weekday",
    ),
)

RHYTHM = FeatureSet(
    name="rhythm",
    description="How regularly each shopper comes, and on which days and at what time.",
    tables=("bills", "line_items"),
    features=FEATURES,
    build=rhythm,
)
