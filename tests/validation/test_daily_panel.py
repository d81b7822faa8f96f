"""The panel against figures counted by hand, in the customer's own days; a simulated retailer with each defect."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.simulator import DEFECTS, Retailer, simulate
from capflow_assets.validation.history.daily_panel import DailyPanel, build_daily_panel
from capflow_assets.validation.history.learned_bands import learn_bands
from capflow_assets.validation.history.local_time import local_day, local_seconds

AS_OF = datetime(2024, 6, 1)


@pytest.fixture
def panel(retailer, make_line) -> DailyPanel:
    lines = [
        make_line("1", "ann", "tea", "2024-03-01 10:00", 5.0),
        make_line("1", "ann", "tea", "2024-03-01 10:00", 5.0),
        make_line("2", None, "cup", "2024-03-01 16:00", 30.0, quantity=3.0, price=10.0),
        make_line("3", "ann", "tea", "2024-03-04 23:30", 5.0),
        make_line("4", "bob", "pot", "2024-03-04 12:00", 50.0),
        make_line("1", "bob", "tea", "2024-03-04 12:00", 10.0),
        make_line("5", "bob", "pot", "2024-03-04 13:00", -50.0, price=50.0, quantity=-1.0, is_return=True),
        make_line("9", "bob", "pot", "2024-06-01 13:00", 50.0),
    ]
    found = build_daily_panel(retailer(lines)["line_items"], AS_OF, "UTC")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("bills", [2, 0, 0, 3]),
        ("sold", [3, 0, 0, 3]),
        ("lines", [3, 0, 0, 4]),
        ("returned", [0, 0, 0, 1]),
        ("copies", [1, 0, 0, 0]),
        ("anonymous", [1, 0, 0, 0]),
        ("users", [1, 0, 0, 2]),
        ("new_users", [1, 0, 0, 1]),
        ("top_user", [1, 0, 0, 2]),
        ("new_item_lines", [3, 0, 0, 1]),
        ("reused", [0, 0, 0, 1]),
        ("largest_cents", [30, np.nan, np.nan, 50]),
        ("bill_cents", [20, np.nan, np.nan, 10]),
        ("price_ratio", [1, np.nan, np.nan, 1]),
        ("quantity", [1, np.nan, np.nan, 1]),
        ("first_clock", [10, np.nan, np.nan, 12]),
        ("last_clock", [16, np.nan, np.nan, 23.5]),
        ("no_store", [3, 0, 0, 3]),
    ],
)
def test_each_figure_is_what_one_counts_by_hand(panel: DailyPanel, name: str, values: list[float]) -> None:
    assert panel.first_day == date(2024, 3, 1)
    np.testing.assert_array_equal(panel.columns[name], values)


def test_days_are_the_customers_own(retailer, make_line) -> None:
    lines = [make_line("1", "u", "tea", "2024-03-10 04:30"), make_line("2", "u", "tea", "2024-03-11 03:30")]
    found = build_daily_panel(retailer(lines)["line_items"], AS_OF, "America/New_York")
    assert found is not None
    assert (found.first_day, found.days) == (date(2024, 3, 9), 2)
    assert list(found.columns["first_clock"]) == [23.5, 23.5]  # the clocks went on between the two


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC"])
def test_local_time_is_that_of_the_time_zone_database(zone: str) -> None:
    random = np.random.default_rng(1)
    moments = np.sort(random.integers(1_300_000_000, 1_750_000_000, 400))
    times = pd.DataFrame({"ts": pd.to_datetime(moments, unit="s")})
    table = ibis.memtable(times)
    found = ibis.duckdb.connect().to_pyarrow(
        table.select(local=local_seconds(table["ts"], zone, int(moments[0]), int(moments[-1])))
    )
    for moment, local in zip(moments.tolist(), found["local"].to_pylist(), strict=True):
        true = datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
        assert local == int(true.timestamp())
        assert local // 86400 == local_day(moment, zone)


def test_nothing_sold_is_no_panel(retailer, make_line) -> None:
    assert build_daily_panel(retailer([])["line_items"], AS_OF, "UTC") is None
    assert build_daily_panel(retailer([make_line("1", "u", "tea", None)])["line_items"], AS_OF, "UTC") is None
    only = build_daily_panel(
        retailer([make_line("1", "u", "tea", "2024-03-01 10:00")])["line_items"], AS_OF, "Asia/Tokyo"
    )
    assert only is not None
    assert only.days == 1


def test_awkward_prices_break_nothing(retailer, make_line) -> None:
    prices = [0.0, -1.0, 1e300, float("inf"), float("nan"), 5.0]
    lines = [make_line(str(n), "u", "tea", "2024-03-01 10:00", price, price) for n, price in enumerate(prices)]
    found = build_daily_panel(retailer(lines)["line_items"], AS_OF, "UTC")
    assert found is not None
    assert (found.columns["priced"][0], found.columns["price_ratio"][0]) == (1, 1)


SHOP = Retailer("shop", "fashion", 2500, date(2024, 1, 1), 500, seed=6)
LAST_DAYS = {"truncated_day": 1, "duplicated_day": 1, "till_tests": 1, "stuck_feed": 2, "day_missing": 2}
BY_OTHERS = {
    "text_dates": "dates that cannot be read are set aside, and block, by the audit of rows",
    "negative_prices": "so are prices below zero",
    "future_dates": "far dates are told by longest_gap_days and future_share",
    "day_and_month_swapped": "some days move years: told by missing days once the month is past the 12th",
}


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    lines = simulate(SHOP).line_items
    return lines.assign(amount=lines["quantity"] * lines["unit_price"] - lines["discount"])


def alarmed(lines: pd.DataFrame, days: int) -> set[str]:
    """The figures that warn or block on one of the last days."""
    lines = lines.assign(amount=lines["quantity"] * lines["unit_price"] - lines["discount"])
    con = ibis.duckdb.connect(threads=2)
    con.con.register("given", lines)
    con.con.execute("create table line_items as select * from given")
    panel = build_daily_panel(con.table("line_items"), datetime(2100, 1, 1), "UTC")
    assert panel is not None
    found = learn_bands(panel)
    return {name for name in found.bands if (found.alarms(name, False) | found.alarms(name, True))[-days:].any()}


def test_the_clean_retailer_gives_no_alarm(clean: pd.DataFrame) -> None:
    assert alarmed(clean, 7) == set()


@pytest.mark.parametrize("defect", [name for name in DEFECTS if name not in BY_OTHERS])
def test_each_defect_is_told_within_a_week(clean: pd.DataFrame, defect: str) -> None:
    days = LAST_DAYS.get(defect, 28 if defect == "returns_as_sales" else 7)
    assert alarmed(DEFECTS[defect](clean, np.random.default_rng(1), days=days), days)
