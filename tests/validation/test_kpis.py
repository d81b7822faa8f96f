"""KPIs of small worlds are what one counts by hand, and those of random and real ones what numpy counts."""

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capflow_assets.validation.kpis.integrity import RELATIONS
from capflow_assets.validation.kpis.kpis import DAY, epoch_seconds, measure_kpis
from capflow_assets.validation.kpis.kpis import KPIS as EVERY

AS_OF = datetime(2024, 4, 1)
KPIS = [kpi for kpi in EVERY if kpi not in {*RELATIONS, "future_share"}]  # those: tests/validation/test_integrity.py
TIMES = {"active_users", "days_without_sales", "longest_gap_days", "freshness_days", "spend_shift"}


def of(tables, as_of=AS_OF):
    values = measure_kpis(tables["line_items"], tables["bills"], as_of)
    assert list(values) == list(EVERY)
    return {kpi: values[kpi] for kpi in KPIS}


def test_five_shoppers_by_hand(retailer, make_line):
    lines = [
        make_line("1", "ann", "tea", "2024-03-01 10:00", 10.0),
        make_line("1", "ann", "cup", "2024-03-01 10:00", 5.5),
        make_line("2", "ann", "tea", "2024-03-05 10:00", 10.0),
        make_line("2", "ann", "tea", "2024-03-05 10:00", 10.0),  # an exact copy
        make_line("3", "bob", "tea", "2023-12-01 10:00", 10.0),
        make_line("4", "cay", "pot", "2024-03-30 12:00", 0.0),
        make_line("5", None, "tea", "2024-03-10 10:00", 4.5),
        make_line("6", "ann", "cup", "2024-03-08 10:00", -5.5, 5.5, -1.0, True),
    ]
    values = of(retailer(lines))
    expected = {
        "line_item_count": 8, "bills": 5, "users": 3, "total_bill_amount": 44.5, "average_spent_per_visit": 10.0,
        "items_per_bill": 7 / 5, "bills_per_user": 4 / 3, "repeat_user_share": 1 / 3, "active_users": 2,
        "anonymous_share": 1 / 6, "return_share": 1 / 8, "duplicate_share": 1 / 8, "zero_price_share": 1 / 7,
        "price_outlier_share": 0.0, "days_without_sales": 1 - 5 / 121, "longest_gap_days": 90,
        "freshness_days": 1.5, "spend_shift": None,
    }  # fmt: skip
    assert values == pytest.approx(expected)
    assert list(values) == list(KPIS)


def test_copies_are_counted_as_surplus_whatever_is_null(retailer, make_line):
    one = make_line("1", None, "tea", None)
    values = of(retailer([one] * 4 + [make_line("2", None, "tea", None)]))
    assert values["duplicate_share"] == 3 / 5


@pytest.mark.parametrize(("last", "share"), [(200.0, 0.0), (200.01, 0.2), (0.5, 0.0), (0.49, 0.2)])
def test_a_price_twenty_times_off_its_items_median_is_an_outlier(retailer, make_line, last, share):
    prices = [10.0, 10.0, 10.0, 10.0, last]
    values = of(retailer([make_line(str(n), "u", "tea", "2024-03-01", 5.0, p) for n, p in enumerate(prices)]))
    assert values["price_outlier_share"] == share


@pytest.mark.parametrize(("factor", "recent_lines", "shift"), [(1, 30, 1.0), (100, 30, 100.0), (100, 29, None)])
def test_spend_shift_sees_units_become_cents_but_says_nothing_from_a_few_lines(
    retailer, make_line, factor, recent_lines, shift
):
    last = datetime(2024, 3, 30)
    old = [make_line(f"o{n}", "u", "tea", last - timedelta(days=28 + n % 90), 2.0) for n in range(90)]
    older = [make_line(f"x{n}", "u", "tea", last - timedelta(days=200 + n % 90), 9.0) for n in range(90)]
    new = [make_line(f"n{n}", "u", "tea", last - timedelta(days=n % 28), 2.0 * factor) for n in range(recent_lines)]
    assert of(retailer(old + older + new))["spend_shift"] == shift


def test_rows_from_as_of_on_change_nothing(retailer, make_line):
    past = [make_line(str(n), f"u{n % 3}", "tea", AS_OF - timedelta(hours=7 * n + 1)) for n in range(20)]
    future = [make_line(f"f{n}", "new", "pot", AS_OF + timedelta(days=n), 999.0) for n in range(5)]
    assert of(retailer(past)) == of(retailer(past + future))
    assert of(retailer(past), AS_OF.replace(tzinfo=UTC)) == of(retailer(past))


def test_a_retailer_without_times_has_no_kpis_of_time(retailer, make_line):
    values = of(retailer([make_line("1", "u", "tea", None), make_line("2", "u", "tea", None)]))
    assert {name for name, value in values.items() if value is None} == TIMES
    assert values["bills"] == 2
    assert values["repeat_user_share"] == 1


def test_a_retailer_without_users_has_no_kpis_by_user(retailer, make_line):
    values = of(retailer([make_line("1", None, "tea", "2024-03-01")]))
    assert (values["users"], values["active_users"], values["anonymous_share"]) == (0, 0, 1)
    assert values["bills_per_user"] is None
    assert values["repeat_user_share"] is None
    assert values["days_without_sales"] == 0


def test_empty_tables_give_zeros_and_nones(retailer):
    values = of(retailer([]))
    zeros = {"line_item_count", "bills", "users", "total_bill_amount", "active_users"}
    assert {name for name, value in values.items() if value == 0} == zeros
    assert {name for name, value in values.items() if value is None} == set(KPIS) - zeros


def test_columns_that_are_empty_throughout_need_no_type():
    columns = dict.fromkeys(("user_id", "ts", "amount", "unit_price", "is_return"))
    lines = ibis.memtable([{"bill_id": "1", "item_id": "<b>tea</b>", **columns}])
    bills = ibis.memtable([{"bill_id": "1", "line_item_count": 1, **columns}])
    values = measure_kpis(lines, bills, AS_OF)
    assert values["anonymous_share"] == 1
    assert values["total_bill_amount"] == 0
    assert values["zero_price_share"] is None
    assert values["freshness_days"] is None


def test_not_a_number_does_not_spread(retailer, make_line):
    lines = [make_line("1", "u", "tea", "2024-03-01", math.nan), make_line("2", "u", "tea", "2024-03-01", 7.0)]
    assert of(retailer(lines))["total_bill_amount"] == 7.0


def oracle(rows: list[tuple], as_of: datetime) -> dict[str, float | None]:
    """The same KPIs from (bill, user, item, ts, quantity, price, discount, amount, store, channel, is_return)."""
    rows = [row for row in rows if row[3] is None or row[3] < as_of]
    sold, by_bill = [row for row in rows if not row[10]], defaultdict(list)
    for row in rows:
        by_bill[row[0]].append(row)
    sales = {bill: found for bill, found in by_bill.items() if not all(row[10] for row in found)}
    of_user, last = Counter(), {}
    for found in sales.values():
        user = min((row[1] for row in found if row[1]), default=None)
        when = min((row[3] for row in found if row[3]), default=None)
        if user:
            of_user[user] += 1
            last[user] = max([moment for moment in (last.get(user), when) if moment], default=None)
    cents = lambda found: sum(round(sum(row[7] for row in bill) * 100) for bill in found.values())  # noqa: E731
    no_user = sum(not any(row[1] for row in found) for found in by_bill.values())
    prices = defaultdict(list)
    for row in sold:
        if row[5] > 0:
            prices[row[2]].append(row[5])
    far = sum(int((np.abs(np.log(np.array(ps) / np.median(ps))) > np.log(20)).sum()) for ps in prices.values())
    times = [row[3] for row in sold if row[3]]
    days = {epoch_seconds(moment) // DAY for moment in times}
    end = max(days, default=0)
    value = lambda old, new: [  # noqa: E731
        row[7] for row in sold if row[3] and old < epoch_seconds(row[3]) // DAY <= new and row[7] >= 0.005
    ]
    new, old = value(end - 28, end), value(end - 118, end - 28)
    share = lambda part, whole: part / whole if whole else None  # noqa: E731
    return {
        "average_spent_per_visit": share(cents(sales) / 100, len(sales)),
        "total_bill_amount": cents(by_bill) / 100,
        "line_item_count": len(rows),
        "bills": len(sales),
        "users": len(of_user),
        "bills_per_user": share(sum(of_user.values()), len(of_user)),
        "items_per_bill": share(sum(map(len, sales.values())), len(sales)),
        "active_users": None
        if of_user and not any(last.values())
        else sum(moment is not None and moment >= as_of - timedelta(days=90) for moment in last.values()),
        "repeat_user_share": share(sum(count > 1 for count in of_user.values()), len(of_user)),
        "anonymous_share": share(no_user, len(by_bill)),
        "return_share": share(len(rows) - len(sold), len(rows)),
        "duplicate_share": share(len(rows) - len(set(rows)), len(rows)),
        "zero_price_share": share(sum(row[5] <= 0 for row in sold), len(sold)),
        "price_outlier_share": share(far, sum(map(len, prices.values()))),
        "days_without_sales": 1 - len(days) / (end - min(days) + 1) if days else None,
        "longest_gap_days": max(np.diff(sorted(days)) - 1, default=0) if days else None,
        "freshness_days": (as_of - max(times)).total_seconds() / DAY if times else None,
        "spend_shift": np.median(new) / np.median(old) if min(len(new), len(old)) >= 30 else None,
    }


def random_lines(seed: int, count: int) -> list[tuple]:
    draw = np.random.default_rng(seed)
    users = [None, "ann", "bob", "<script>alert(1)</script>", *(f"u{n}" for n in range(20))]
    owner = [users[n] for n in draw.integers(0, len(users), count)]
    times = [None, *(AS_OF - timedelta(minutes=int(m)) for m in draw.integers(-9000, 60 * 24 * 200, count))]
    lines = []
    for _ in range(count):
        bill = int(draw.integers(0, max(count // 3, 1)))
        returned = bill % 9 == 0
        price = float(draw.choice([0.0, 1.0, 2.5, 2.5, 90.0]))
        quantity = -1.0 if returned else float(draw.integers(1, 4))
        item, ts = f"i{draw.integers(0, 5)}", times[bill % 7 and bill % len(times)]
        lines.append((f"b{bill}", owner[bill], item, ts, quantity, price, 0.0, quantity * price, None, None, returned))
    return lines


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), count=st.integers(0, 400))
def test_random_retailers_agree_with_plain_counting(retailer, seed, count):
    lines = random_lines(seed, count)
    assert of(retailer(lines)) == pytest.approx(oracle(lines, AS_OF))


def test_a_real_retailer_agrees_with_plain_counting(giftco):
    as_of = datetime(2010, 4, 1)
    giftco["line_items"].get_backend().con.execute("delete from line_items where ts > timestamp '2010-04-05'")
    giftco["bills"].get_backend().con.execute("delete from bills where ts > timestamp '2010-04-05'")
    lines = giftco["line_items"].to_pyarrow().to_pylist()
    expected = oracle([tuple(row.values()) for row in lines], as_of)
    assert of(giftco, as_of) == pytest.approx(expected)
    assert expected["spend_shift"] is not None
