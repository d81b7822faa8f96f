"""Visits: the days on which a shopper bought something, taken from bills and summed in whole cents."""

from __future__ import annotations

import calendar
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.features.visits import SECONDS_PER_DAY, cents, day_number, is_return

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from capflow_assets.contract.snapshot import Snapshot

YEAR_DAYS = 365


def last_day_before(moment: datetime) -> int:
    """The last day (days since 1970-01-01, UTC) of which something may lie before `moment`."""
    return (calendar.timegm(moment.timetuple()) - 1) // SECONDS_PER_DAY


def visit_days(bills: ibis.Table) -> ibis.Table:
    """One row for each day on which a known shopper bought: `user_id`, `day`, `cents`; returns do not count.

    A bill of nothing is a visit too: so counts the published CDNOW data, and so does a shopper with a coupon.
    """
    bought = bills.filter(bills.user_id.notnull(), bills.ts.notnull(), bills.amount >= 0, ~is_return(bills))
    rows = bought.select("user_id", day=day_number(bought.ts).cast("int64"), cents=cents(bought.amount))
    return rows.group_by("user_id", "day").aggregate(cents=rows.cents.sum().cast("int64"))


def visit_history(bills: ibis.Table, as_of: datetime) -> pd.DataFrame:
    """Each shopper's visits so far, sorted by user_id; nothing at or after `as_of` may be in `bills`.

    Columns: `user_id`, `visits`, `cents`, `first_day`, `last_day`, `first_cents` (spend of the first visit), and
    `visits_year`, `cents_year` of the last 365 days.
    """
    days = visit_days(bills)
    recent = days.day > last_day_before(as_of) - YEAR_DAYS
    history = days.group_by("user_id").aggregate(
        visits=days.count(),
        cents=days.cents.sum(),
        first_day=days.day.min(),
        last_day=days.day.max(),
        first_cents=days.cents.argmin(days.day),
        visits_year=days.count(where=recent),
        cents_year=days.cents.sum(where=recent).fill_null(0),
    )
    frame = history.order_by("user_id").execute()
    return frame.astype({name: "int64" for name in frame.columns if name != "user_id"})


def spend_by_user(window: ibis.Table) -> pd.Series:
    """Money spent by each shopper in these bills, in currency units, indexed by user_id; returns do not count."""
    days = visit_days(window)
    totals = days.group_by("user_id").aggregate(cents=days.cents.sum()).order_by("user_id").execute()
    return totals.set_index("user_id")["cents"].astype("float64") / 100.0


def next_spend(snapshot: Snapshot, window: ibis.Table) -> pd.DataFrame:
    """`user_id`, `value`: what every shopper seen before spends in the bills of `window`, 0 for who stayed away."""
    import pandas as pd

    users = visit_history(snapshot.tables["bills"], snapshot.as_of)["user_id"]
    spent = spend_by_user(window).reindex(users, fill_value=0.0)
    return pd.DataFrame({"user_id": users, "value": spent.to_numpy(dtype=float)})


def active_users(snapshot: Snapshot, days: int) -> pd.DataFrame:
    """`visit_history` of the shoppers who bought in the last so many days before the snapshot."""
    history = visit_history(snapshot.tables["bills"], snapshot.as_of)
    lately = history["last_day"] > last_day_before(snapshot.as_of) - days
    return history[lately].reset_index(drop=True)
