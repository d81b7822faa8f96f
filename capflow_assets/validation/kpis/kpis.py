"""The KPIs: figures that a retailer knows by heart, so that wrongly read data shows."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.validation.kpis.copies import count_surplus
from capflow_assets.validation.kpis.integrity import RELATIONS, unknown_share
from capflow_assets.validation.kpis.prices import OUTLIER_FACTOR, count_price_outliers

if TYPE_CHECKING:
    import ibis

DAY = 86400
ACTIVE_DAYS = 90
RECENT_DAYS, PREVIOUS_DAYS, SHIFT_LINES = 28, 90, 30

KPIS: Mapping[str, str] = {
    "average_spent_per_visit": "money a bill, returns left out",
    "total_bill_amount": "money of all bills, returns taken off",
    "line_item_count": "lines of all bills, returns included",
    "bills": "bills, returns left out",
    "users": "known users with at least one bill",
    "bills_per_user": "bills of known users, by user",
    "items_per_bill": "lines a bill, returns left out",
    "active_users": f"known users with a bill in the last {ACTIVE_DAYS} days",
    "repeat_user_share": "share of known users with two bills or more",
    "anonymous_share": "share of bills without a user",
    "return_share": "share of lines that are returns",
    "duplicate_share": "share of lines that are exact copies of another line",
    "zero_price_share": "share of sold lines whose unit price is not above zero, of those with a price",
    "price_outlier_share": f"share of priced lines more than {OUTLIER_FACTOR} times off their item's median price",
    "days_without_sales": "share of days without a sale, from the first sale to the last",
    "longest_gap_days": "most days in a row without a sale, from the first sale to the last",
    "freshness_days": "days since the last sale",
    "spend_shift": f"median sold line of the last {RECENT_DAYS} days over that of the {PREVIOUS_DAYS} days before",
    "future_share": "share of lines dated after the day of the check, which count nowhere else",
    "unknown_item_share": "share of lines whose item is not in items",
    "unknown_user_share": "share of lines with a user who is not in users",
    "lines_without_bill_share": "share of lines whose bill is not in bills",
    "bills_without_lines_share": "share of bills that have no line",
    "unknown_contact_share": "share of contacts with a user who is neither in users nor on a bill",
    "unknown_review_share": "share of reviews of an item (else by a user) that no other table knows",
    "unknown_media_share": "share of media of an item (else of a user) that no other table knows",
}
"""Every KPI and what it counts. A share runs from 0 to 1, money is in the customer's currency."""


def measure_kpis(
    line_items: ibis.Table,
    bills: ibis.Table,
    as_of: datetime,
    sent: Mapping[str, ibis.Table] | None = None,
    now: bool = False,
) -> dict[str, float | None]:
    """Measure the KPIs of `KPIS` on validated line items and bills, in seven queries and one per relation of tables.

    Rows at or after `as_of` (UTC) are ignored; rows without a time are not. A KPI is None where the data cannot say:
    KPIs of time without times, KPIs by user without users, a spend shift from fewer than 30 lines on either side.
    `sent` are the validated tables that the customer itself sends, by name: relations (`integrity.py`) to others are
    None. With `now`, as_of is the present, and later rows are counted as `future_share`.
    """
    lines, past_bills = rows_before(line_items, as_of), rows_before(bills, as_of)
    sold = lines.filter(~lines["is_return"])
    values = {
        **_bill_figures(past_bills),
        **_user_figures(past_bills, as_of),
        **_line_figures(lines),
        **_time_figures(sold, as_of),
        **_relation_shares(
            lines, past_bills, {name: rows_before(table, as_of) for name, table in (sent or {}).items()}
        ),
        "duplicate_share": _duplicate_share(lines),
        "price_outlier_share": _price_outlier_share(sold),
        "future_share": _future_share(line_items, as_of) if now else None,
    }
    return {name: None if (value := values[name]) is None else float(value) for name in KPIS}


def count_users_and_bills(bills: ibis.Table, as_of: datetime) -> dict[str, int]:
    """Measure the KPIs `users` and `bills` alone, by the same definition as `measure_kpis`."""
    past = rows_before(bills, as_of)
    found = {"users": _user_figures(past, as_of)["users"], "bills": _bill_figures(past)["bills"]}
    return {name: int(value or 0) for name, value in found.items()}


def epoch_seconds(moment: datetime) -> int:
    """Return the seconds since 1970 of a UTC time, with or without its time zone."""
    return calendar.timegm(to_naive_utc(moment).timetuple())


def to_naive_utc(moment: datetime) -> datetime:
    """Convert to UTC without a time zone, as the tables hold times."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def day_number(ts: ibis.ir.TimestampColumn) -> ibis.ir.IntegerColumn:
    """Return the days since 1970, in UTC; the same on every engine."""
    return ts.epoch_seconds() // DAY


def rows_before(table: ibis.Table, as_of: datetime) -> ibis.Table:
    """Return the rows of a validated table from before `as_of`, and those without a time."""
    typed = _cast_columns(table)
    time = typed[_time_column(typed)] if _time_column(typed) else None
    return typed if time is None else typed.filter((time < to_naive_utc(as_of)) | time.isnull())


def rows_from(table: ibis.Table, as_of: datetime) -> ibis.Table:
    """Return the rows that `rows_before` excludes."""
    typed = _cast_columns(table)
    return typed.filter(typed["ts"] >= to_naive_utc(as_of))


def _time_column(table: ibis.Table) -> str:
    return next((name for name in ("ts", "sent_at") if name in table.columns), "")


def _cast_columns(table: ibis.Table) -> ibis.Table:
    # A column that is empty throughout can arrive untyped: cast the ones used here.
    kinds = {"user_id": "string", "item_id": "string", "ts": "timestamp", "sent_at": "timestamp"}
    kinds |= {"amount": "float64", "unit_price": "float64"}
    typed = table.mutate({name: table[name].cast(kind) for name, kind in kinds.items() if name in table.columns})
    if "is_return" not in typed.columns:
        return typed
    return typed.mutate(is_return=typed["is_return"].cast("boolean").fill_null(False))


def _cents(money: ibis.ir.FloatingColumn) -> ibis.ir.IntegerColumn:
    import ibis

    finite = ibis.ifelse(money.isnan() | money.isinf(), ibis.null("float64"), money)
    return (finite * 100).round().cast("int64")


def _fetch_row(query: ibis.Table) -> dict[str, Any]:
    row: dict[str, Any] = query.to_pyarrow().to_pylist()[0]
    return row


def _share(part: Any, whole: Any) -> float | None:
    return (part or 0) / whole if whole else None


def _bill_figures(bills: ibis.Table) -> dict[str, float | None]:
    sale = ~bills["is_return"]
    found = _fetch_row(
        bills.aggregate(
            bills=sale.sum(),
            net=_cents(bills["amount"]).sum(),
            spent=_cents(bills["amount"]).sum(where=sale),
            lines=bills["line_item_count"].cast("int64").sum(where=sale),
            counted=bills["line_item_count"].count(where=sale),
            every=bills.count(),
            anonymous=bills["user_id"].isnull().sum(),
        )
    )
    spent = _share(found["spent"], found["bills"])
    return {
        "bills": found["bills"] or 0,
        "total_bill_amount": (found["net"] or 0) / 100,
        "average_spent_per_visit": None if spent is None else spent / 100,
        "items_per_bill": _share(found["lines"], found["counted"]),
        "anonymous_share": _share(found["anonymous"], found["every"]),
    }


def _user_figures(bills: ibis.Table, as_of: datetime) -> dict[str, float | None]:
    known = bills.filter(~bills["is_return"], bills["user_id"].notnull())
    users = known.group_by("user_id").aggregate(bills=known.count(), last=known["ts"].max())
    found = _fetch_row(
        users.aggregate(
            users=users.count(),
            bills=users["bills"].sum(),
            repeat=(users["bills"] >= 2).sum(),
            timed=users["last"].count(),
            active=(users["last"].epoch_seconds() >= epoch_seconds(as_of) - ACTIVE_DAYS * DAY).sum(),
        )
    )
    timeless = found["users"] and not found["timed"]
    return {
        "users": found["users"],
        "bills_per_user": _share(found["bills"], found["users"]),
        "repeat_user_share": _share(found["repeat"], found["users"]),
        "active_users": None if timeless else found["active"] or 0,
    }


def _line_figures(lines: ibis.Table) -> dict[str, float | None]:
    sale, price = ~lines["is_return"], lines["unit_price"]
    found = _fetch_row(
        lines.aggregate(
            lines=lines.count(),
            returns=lines["is_return"].sum(),
            priced=price.count(where=sale),
            free=(price <= 0).sum(where=sale),
        )
    )
    return {
        "line_item_count": found["lines"],
        "return_share": _share(found["returns"], found["lines"]),
        "zero_price_share": _share(found["free"], found["priced"]),
    }


def _time_figures(sold: ibis.Table, as_of: datetime) -> dict[str, float | None]:
    import ibis

    timed = sold.filter(sold["ts"].notnull())
    days = timed.group_by(day=day_number(timed["ts"])).aggregate(last=timed["ts"].epoch_seconds().max())
    days = days.mutate(gap=days["day"] - days["day"].lag().over(ibis.window(order_by="day")) - 1)
    figures = {"days": days.count(), "first": days["day"].min(), "end": days["day"].max()}
    found = _fetch_row(days.aggregate(last=days["last"].max(), gap=days["gap"].max(), **figures))
    if not found["days"]:
        return dict.fromkeys(("days_without_sales", "longest_gap_days", "freshness_days", "spend_shift"))
    return {
        "days_without_sales": 1 - found["days"] / (found["end"] - found["first"] + 1),
        "longest_gap_days": found["gap"] or 0,
        "freshness_days": (epoch_seconds(as_of) - found["last"]) / DAY,
        "spend_shift": _spend_shift(sold, int(found["end"])),
    }


def _duplicate_share(lines: ibis.Table) -> float | None:
    """Return the share of lines to remove until no two are identical."""
    found = _fetch_row(lines.aggregate(lines=lines.count()).cross_join(count_surplus(lines)))
    return _share(found["surplus"], found["lines"])


def _price_outlier_share(sold: ibis.Table) -> float | None:
    found = _fetch_row(count_price_outliers(sold))
    return _share(found["far"], found["lines"])


def _future_share(line_items: ibis.Table, as_of: datetime) -> float | None:
    lines = _cast_columns(line_items)
    found = _fetch_row(lines.aggregate(lines=lines.count(), later=(lines["ts"] >= to_naive_utc(as_of)).sum()))
    return _share(found["later"], found["lines"])


def _relation_shares(lines: ibis.Table, bills: ibis.Table, sent: Mapping[str, ibis.Table]) -> dict[str, float | None]:
    tables = {**sent, "line_items": lines, "bills": bills}
    return {
        kpi: unknown_share(kpi, tables) if set(relation.needs) <= set(sent) else None
        for kpi, relation in RELATIONS.items()
    }


def _spend_shift(sold: ibis.Table, last_day: int) -> float | None:
    """Return the ratio of recent to earlier median sold lines: 100 or 0.01 when cents became units or the reverse."""
    cents, when = _cents(sold["amount"]), day_number(sold["ts"])
    recent = (when > last_day - RECENT_DAYS) & (cents > 0)
    previous = (when <= last_day - RECENT_DAYS) & (when > last_day - RECENT_DAYS - PREVIOUS_DAYS) & (cents > 0)
    found = _fetch_row(
        sold.aggregate(
            recent=cents.median(where=recent),
            previous=cents.median(where=previous),
            recent_lines=recent.sum(),
            previous_lines=previous.sum(),
        )
    )
    enough = min(found["recent_lines"] or 0, found["previous_lines"] or 0) >= SHIFT_LINES
    return found["recent"] / found["previous"] if enough else None
