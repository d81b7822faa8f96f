"""The daily panel: a customer's sales aggregated by day on its engine, in a few queries over validated line items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from capflow_assets.validation.history.local_time import DAY, local_day, local_seconds
from capflow_assets.validation.kpis.kpis import to_naive_utc

if TYPE_CHECKING:
    import ibis
    import numpy as np

HISTORY_DAYS = 1096
MOST_PLACES = 200
_EPOCH = date(1970, 1, 1)
_TYPES = {
    "bill_id": "string", "user_id": "string", "item_id": "string", "ts": "timestamp", "quantity": "float64",
    "unit_price": "float64", "discount": "float64", "amount": "float64", "store_id": "string", "channel": "string",
    "is_return": "boolean",
}  # fmt: skip
_MOST = 1e12


@dataclass(frozen=True)
class DailyPanel:
    """One entry per day, from `first_day` to the last day with a sale, days without any included.

    `columns` are counts and sums (0 on a day without sales) and medians (NaN on such a day): sums of money in cents,
    medians of money in units, times of day in hours. `places` has for store_id and channel the bills of each place by
    day. Days are in the customer's time zone.
    """

    first_day: date
    columns: Mapping[str, np.ndarray]
    places: Mapping[str, Mapping[str, np.ndarray]]

    @property
    def days(self) -> int:
        """The number of days."""
        return len(self.columns["bills"])

    def date(self, index: int) -> date:
        """Return the day at an index, which may be negative."""
        return self.first_day + timedelta(days=index % self.days)


def build_daily_panel(line_items: ibis.Table, as_of: datetime, timezone: str) -> DailyPanel | None:
    """Aggregate the last three years before `as_of` (UTC) by day of `timezone`, in eight queries.

    New users and items, reused bill numbers and an item's usual price (its median) are determined within these three
    years. Sums are of integers, so that every engine gives the same. None without a timed sale.
    """
    lines = _lines_with_time(line_items, as_of)
    span = _fetch_rows(
        lines.filter(~lines["is_return"]).aggregate(first=_epoch_seconds(lines).min(), last=_epoch_seconds(lines).max())
    )[0]
    if span["last"] is None:
        return None
    first, last = int(span["first"]), int(span["last"])
    lines = lines.mutate(second=local_seconds(lines["ts"], timezone, first, last))
    lines = lines.mutate(day=lines["second"] // DAY, clock=lines["second"] % DAY)
    until = local_day(last, timezone)
    since = max(local_day(first, timezone), until - HISTORY_DAYS + 1)
    lines = lines.filter(lines["day"] >= since, lines["day"] <= until)
    bills = _bills_by_day(lines).cache()
    found: dict[str, np.ndarray] = {}
    for query in (
        _line_figures(lines),
        _copy_figures(lines),
        _bill_figures(bills),
        _user_figures(bills),
        _item_figures(lines),
    ):
        found |= _to_arrays(_fetch_rows(query), since, until)
    places = {name: _bills_by_place(bills, name, since, until) for name in ("store_id", "channel")}
    return DailyPanel(_EPOCH + timedelta(days=since), _convert_units(found), places)


def _lines_with_time(line_items: ibis.Table, as_of: datetime) -> ibis.Table:
    # A column that is empty throughout can arrive untyped.
    lines = line_items.select(**{name: line_items[name].cast(kind) for name, kind in _TYPES.items()})
    lines = lines.mutate(is_return=lines["is_return"].fill_null(False))
    return lines.filter(lines["ts"].notnull(), lines["ts"] < to_naive_utc(as_of))


def _epoch_seconds(lines: ibis.Table) -> ibis.ir.IntegerColumn:
    return lines["ts"].truncate("s").epoch_seconds()


def _round_whole(number: ibis.ir.FloatingColumn) -> ibis.ir.IntegerColumn:
    """Round to an integer; null for NaN and for numbers of 1e12 or more."""
    import ibis

    return ibis.ifelse(number.abs() < _MOST, number, ibis.null("float64")).round().cast("int64")


def _line_figures(lines: ibis.Table) -> ibis.Table:
    import ibis

    sale, price = ~lines["is_return"], lines["unit_price"]
    priced = lines.filter(sale, price > 0, price < _MOST)
    usual = priced.group_by("item_id").aggregate(usual=priced["unit_price"].median())
    lines = lines.join(usual, "item_id", how="left").drop("item_id_right")
    sale, price = ~lines["is_return"], lines["unit_price"]
    ratio = ibis.ifelse(sale & (price > 0) & (price < _MOST), price / lines["usual"], ibis.null("float64"))
    ratio = _round_whole(ratio * 10_000)
    given = sale & (lines["discount"] > 0) & (lines["quantity"] > 0) & (price > 0)
    rate = _round_whole(
        ibis.ifelse(given, lines["discount"] / (lines["quantity"] * price), ibis.null("float64")) * 10_000
    )
    return lines.group_by("day").aggregate(
        lines=lines.count(),
        sold=sale.sum(),
        returned=lines["is_return"].sum(),
        priced=ratio.count(),
        price_ratio=ratio.median(),
        quantity=_round_whole(lines["quantity"] * 1000).median(where=sale),
        free=(price <= 0).sum(where=sale),
        discount_cents=_round_whole(lines["discount"] * 100).sum(where=sale),
        gross_cents=_round_whole(lines["quantity"] * price * 100).sum(where=sale),
        discounted=rate.count(),
        largest_discount=rate.max(),
        no_store=lines["store_id"].isnull().sum(where=sale),
        no_channel=lines["channel"].isnull().sum(where=sale),
    )


def _copy_figures(lines: ibis.Table) -> ibis.Table:
    alike = lines.group_by([*_TYPES, "day"]).aggregate(copies=lines.count() - 1)
    return alike.group_by("day").aggregate(copies=alike["copies"].sum())


def _bills_by_day(lines: ibis.Table) -> ibis.Table:
    """Return one row per bill and day with sold lines, and whether the bill number was used on an earlier day."""
    import ibis

    sold = lines.filter(~lines["is_return"])
    bills = sold.group_by(["bill_id", "day"]).aggregate(
        cents=_round_whole(sold["amount"] * 100).sum(),
        user_id=sold["user_id"].min(),
        store_id=sold["store_id"].min(),
        channel=sold["channel"].min(),
        clock=sold["clock"].min(),
    )
    # The day before does not count: a bill opened before midnight may be paid after it.
    earlier = bills["day"].min().over(ibis.window(group_by="bill_id")) < bills["day"] - 1
    return bills.mutate(reused=earlier)


def _bill_figures(bills: ibis.Table) -> ibis.Table:
    return bills.group_by("day").aggregate(
        bills=bills.count(),
        anonymous=bills["user_id"].isnull().sum(),
        known_bills=bills["user_id"].count(),
        reused=bills["reused"].sum(),
        bill_cents=bills["cents"].median(),
        largest_cents=bills["cents"].max(),
        clock=bills["clock"].sum(),
        first_clock=bills["clock"].min(),
        last_clock=bills["clock"].max(),
    )


def _user_figures(bills: ibis.Table) -> ibis.Table:
    import ibis

    known = bills.filter(bills["user_id"].notnull())
    users = known.group_by(["user_id", "day"]).aggregate(bills=known.count())
    users = users.mutate(new=users["day"].min().over(ibis.window(group_by="user_id")) == users["day"])
    return users.group_by("day").aggregate(
        users=users.count(), new_users=users["new"].sum(), top_user=users["bills"].max()
    )


def _item_figures(lines: ibis.Table) -> ibis.Table:
    import ibis

    sold = lines.filter(~lines["is_return"], lines["item_id"].notnull())
    items = sold.group_by(["item_id", "day"]).aggregate(count=sold.count())
    items = items.mutate(new=items["day"].min().over(ibis.window(group_by="item_id")) == items["day"])
    return items.group_by("day").aggregate(new_item_lines=items["count"].sum(where=items["new"]))


def _bills_by_place(bills: ibis.Table, name: str, since: int, last: int) -> dict[str, np.ndarray]:
    """Count bills by place and day, of the 200 places with most bills."""
    import numpy as np

    placed = bills.filter(bills[name].notnull())
    counts = placed.group_by([name, "day"]).aggregate(bills=placed.count())
    totals = counts.group_by(name).aggregate(total=counts["bills"].sum())
    largest = totals.order_by(totals["total"].desc(), totals[name]).limit(MOST_PLACES)
    found: dict[str, np.ndarray] = {}
    for row in _fetch_rows(counts.semi_join(largest, name)):
        found.setdefault(row[name], np.zeros(last - since + 1))[row["day"] - since] = row["bills"]
    return dict(sorted(found.items()))


def _fetch_rows(query: ibis.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = query.get_backend().to_pyarrow(query).to_pylist()
    return rows


_MEDIANS = ("price_ratio", "largest_discount", "quantity", "bill_cents", "largest_cents", "first_clock", "last_clock")


def _to_arrays(rows: list[dict[str, Any]], since: int, last: int) -> dict[str, np.ndarray]:
    import numpy as np

    names = [name for name in (rows[0] if rows else ()) if name != "day"]
    found = {name: np.full(last - since + 1, np.nan if name in _MEDIANS else 0.0) for name in names}
    for row in rows:
        for name in names:
            if row[name] is not None:
                found[name][row["day"] - since] = float(row[name])
    return found


def _convert_units(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convert seconds to hours, cents to money and ten-thousandths to factors; add missing columns as zeros."""
    import numpy as np

    bills = found["bills"]
    for name in ("users", "new_users", "top_user", "new_item_lines"):  # no bill has a user, no line an item
        found.setdefault(name, np.zeros(len(bills)))
    for name in ("clock", "first_clock", "last_clock"):
        found[name] = found[name] / 3600
    for name in ("bill_cents", "largest_cents"):
        found[name] = found[name] / 100
    for name in ("price_ratio", "largest_discount"):
        found[name] = found[name] / 10_000
    found["quantity"] = found["quantity"] / 1000
    found["one"] = (bills > 0).astype(float)
    return found
