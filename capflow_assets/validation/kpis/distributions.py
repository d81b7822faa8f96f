"""Three histograms of a customer's users: recency, latency (days between visits) and repeats (bills per user)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.validation.kpis.kpis import DAY, day_number, epoch_seconds, to_naive_utc

if TYPE_CHECKING:
    import ibis

RECENCY_LIMIT, LATENCY_LIMIT, REPEAT_LIMIT = 1096, 366, 50
NO_TIMES = "No sale has a time: map tables.line_items.columns.ts."
NO_USERS = "No bill has a user: map tables.line_items.columns.user_id."
NO_REPEATS = "No user has come on two days yet."


@dataclass(frozen=True)
class Distribution:
    """A histogram of whole numbers: `counts` are (value, count), ascending, empty values left out.

    Values at or above `limit` are counted together at `limit`. `note` says why there is nothing to count.
    """

    name: str
    title: str
    x: str
    y: str
    limit: int
    counts: tuple[tuple[int, int], ...]
    note: str = ""

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return sum(count for _, count in self.counts)

    def quantile(self, share: float) -> int | None:
        """Return the smallest value that at least `share` (0 to 1) of the counted do not exceed; None if empty."""
        seen, total = 0, self.total
        for value, count in self.counts:
            seen += count
            if seen >= share * total:
                return value
        return None


def measure_distributions(bills: ibis.Table, as_of: datetime) -> tuple[Distribution, ...]:
    """Measure recency, latency and repeats of known users on validated bills before `as_of` (UTC), without returns."""
    bought = bills.filter(~bills["is_return"].cast("boolean").fill_null(False), bills["user_id"].notnull())
    bought = bought.mutate(ts=bought["ts"].cast("timestamp"))
    bought = bought.filter((bought["ts"] < to_naive_utc(as_of)) | bought["ts"].isnull())
    return measure_recency(bought, as_of), measure_latency(bought), measure_repeats(bought)


def measure_recency(bought: ibis.Table, as_of: datetime) -> Distribution:
    """Count users by days since their last visit, from bills (user_id, ts) of known users."""
    timed = bought.filter(bought["ts"].notnull())
    users = timed.group_by("user_id").aggregate(last=day_number(timed["ts"].max()))
    counts = _histogram(users, epoch_seconds(as_of) // DAY - users["last"], RECENCY_LIMIT)
    note = "" if counts else _explain_empty(bought)
    return Distribution(
        "recency", "Recency: when users were last here", "days since last visit", "users", RECENCY_LIMIT, counts, note
    )


def measure_latency(bought: ibis.Table) -> Distribution:
    """Count pairs of consecutive visits by the days between them; bills of one user on one day (UTC) are one visit."""
    import ibis

    timed = bought.filter(bought["ts"].notnull())
    visits = timed.select("user_id", day=day_number(timed["ts"])).distinct()
    before = visits["day"].lag().over(ibis.window(group_by="user_id", order_by="day"))
    gaps = visits.mutate(gap=visits["day"] - before)
    gaps = gaps.filter(gaps["gap"].notnull())
    counts = _histogram(gaps, gaps["gap"], LATENCY_LIMIT)
    note = "" if counts else _explain_empty(bought) or NO_REPEATS
    return Distribution(
        "latency",
        "Latency: days between visits",
        "days to the next visit",
        "pairs of visits",
        LATENCY_LIMIT,
        counts,
        note,
    )


def measure_repeats(bought: ibis.Table) -> Distribution:
    """Count users by their number of bills."""
    users = bought.group_by("user_id").aggregate(bills=bought.count())
    counts = _histogram(users, users["bills"], REPEAT_LIMIT)
    return Distribution(
        "repeat", "Repeats: bills of each user", "bills", "users", REPEAT_LIMIT, counts, "" if counts else NO_USERS
    )


def _histogram(table: ibis.Table, value: ibis.ir.IntegerColumn, limit: int) -> tuple[tuple[int, int], ...]:
    """Count rows by value, clipped at `limit`: fetches at most limit + 1 rows, however many users there are."""
    import ibis

    clipped = table.select(value=ibis.least(value.cast("int64"), limit))
    counted = clipped.group_by("value").aggregate(rows=clipped.count()).order_by("value")
    return tuple((int(row["value"]), int(row["rows"])) for row in counted.to_pyarrow().to_pylist())


def _explain_empty(bought: ibis.Table) -> str:
    found = bought.aggregate(bills=bought.count(), timed=bought["ts"].count()).to_pyarrow().to_pylist()[0]
    if not found["bills"]:
        return NO_USERS
    return "" if found["timed"] else NO_TIMES
