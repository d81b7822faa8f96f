"""Visit days of shoppers, what they spend on them, and who was active: the history that most models start from."""

from __future__ import annotations

import calendar
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.features.visits import SECONDS_PER_DAY, visits

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from capflow_assets.contract.snapshot import Snapshot

YEAR_DAYS = 365


def last_day_before(moment: datetime) -> int:
    """Return the last day (days since 1970-01-01, UTC) that has any time before `moment`."""
    return (calendar.timegm(moment.timetuple()) - 1) // SECONDS_PER_DAY


def visit_days(bills: ibis.Table) -> ibis.Table:
    """Return one row per shopper and day with a visit (`features.visits.is_visit`): `user_id`, `day`, `cents`."""
    seen = visits(bills)
    rows = seen.select("user_id", "cents", day=seen.day.cast("int64"))
    return rows.group_by("user_id", "day").aggregate(cents=rows.cents.sum().cast("int64"))


def visit_history(bills: ibis.Table, as_of: datetime) -> pd.DataFrame:
    """Return each shopper's visits so far, sorted by user_id; `bills` holds nothing at or after `as_of`.

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
    """Return what each shopper spent on visits in these bills, in currency units, indexed by user_id."""
    days = visit_days(window)
    totals = days.group_by("user_id").aggregate(cents=days.cents.sum()).order_by("user_id").execute()
    return totals.set_index("user_id")["cents"].astype("float64") / 100.0


def next_spend(snapshot: Snapshot, window: ibis.Table) -> pd.DataFrame:
    """Return `user_id` and `value`: what each known shopper spends in the bills of `window`, 0 without a visit."""
    import pandas as pd

    users = visit_history(snapshot.tables["bills"], snapshot.as_of)["user_id"]
    spent = spend_by_user(window).reindex(users, fill_value=0.0)
    return pd.DataFrame({"user_id": users, "value": spent.to_numpy(dtype=float)})


def active_users(snapshot: Snapshot, days: int) -> pd.DataFrame:
    """Return the `visit_history` of the shoppers with a visit in the last `days` before the snapshot."""
    history = visit_history(snapshot.tables["bills"], snapshot.as_of)
    recent = history["last_day"] > last_day_before(snapshot.as_of) - days
    return history[recent].reset_index(drop=True)
