"""Each defect does what its name says, and leaves everything else as it was."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from capflow_assets.simulator import DEFECTS, Retailer, SimulatedData, simulate

LAST_DAY = pd.Timestamp(2026, 10, 31)


@pytest.fixture(scope="module")
def clean() -> SimulatedData:
    return simulate(Retailer("shop", "footwear", 500, date(2025, 5, 1), 549, seed=4))


@pytest.fixture(scope="module")
def spoil(clean: SimulatedData) -> Callable[[str], pd.DataFrame]:
    """The line items of the same retailer with one defect; its other tables must be the clean ones."""

    def with_defect(name: str) -> pd.DataFrame:
        world = simulate(Retailer("shop", "footwear", 500, date(2025, 5, 1), 549, seed=4, defects=(name,)))
        for table in ("users", "items", "contacts", "truth"):
            pd.testing.assert_frame_equal(getattr(world, table), getattr(clean, table))
        return world.line_items

    return with_defect


def changed(clean: pd.DataFrame, spoilt: pd.DataFrame, *columns: str) -> pd.Series:
    """Which rows have another value in `columns`; fails when any other column differs."""
    rest = [name for name in clean if name not in columns]
    pd.testing.assert_frame_equal(clean[rest], spoilt[rest])
    same = [(clean[name] == spoilt[name]) | (clean[name].isna() & spoilt[name].isna()) for name in columns]
    return ~np.logical_and.reduce(same)


def test_every_defect_is_documented_and_tested() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(DEFECTS) <= tested
    assert all(defect.__doc__ and len(defect.__doc__.splitlines()) == 1 for defect in DEFECTS.values())


def test_duplicated_load(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("duplicated_load")
    pd.testing.assert_frame_equal(lines.iloc[: len(clean.line_items)], clean.line_items)
    copies = lines.iloc[len(clean.line_items) :]
    assert len(copies) > 0.08 * len(lines)
    third_quarter = clean.line_items["ts"].between(pd.Timestamp(2026, 7, 1), pd.Timestamp(2026, 10, 1), "left")
    pd.testing.assert_frame_equal(copies.reset_index(drop=True), clean.line_items[third_quarter].reset_index(drop=True))


def test_duplicated_load_of_a_long_history_is_large_enough() -> None:
    lines = simulate(Retailer("old", "footwear", 300, date(2020, 1, 1), 1800, defects=("duplicated_load",))).line_items
    assert lines.duplicated().mean() > 0.08


def test_missing_users(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("missing_users")
    hit = changed(clean.line_items, lines, "user_id")
    assert lines.loc[hit, "user_id"].isna().all()
    recent = lines["ts"] >= LAST_DAY - pd.Timedelta(days=59)
    known = clean.line_items["user_id"].notna()
    assert not hit[~recent].any()
    assert hit[recent & known].mean() == pytest.approx(0.6, abs=0.08)


def test_cents(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("cents")
    hit = changed(clean.line_items, lines, "unit_price", "discount")
    assert (hit == (lines["ts"] >= LAST_DAY - pd.Timedelta(days=29))).all()
    for money in ("unit_price", "discount"):
        np.testing.assert_allclose(lines.loc[hit, money], 100 * clean.line_items.loc[hit, money])


def test_truncated_day(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("truncated_day")
    pd.testing.assert_frame_equal(lines, clean.line_items.iloc[: len(lines)])
    lost = clean.line_items.iloc[len(lines) :]
    assert len(lost)
    assert (lost["ts"] >= LAST_DAY + pd.Timedelta(hours=11)).all()
    assert (lines["ts"] < LAST_DAY + pd.Timedelta(hours=11)).all()


def test_future_dates(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("future_dates")
    hit = changed(clean.line_items, lines, "ts")
    assert 0.005 < hit.mean() < 0.05
    assert (lines.loc[hit, "ts"] > LAST_DAY + pd.Timedelta(days=364)).all()


def test_negative_prices(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("negative_prices")
    hit = changed(clean.line_items, lines, "unit_price")
    assert hit.mean() == pytest.approx(0.03, abs=0.012)
    assert (lines.loc[hit, "unit_price"] == -clean.line_items.loc[hit, "unit_price"]).all()
    assert not lines.loc[hit, "is_return"].any()


def test_missing_store(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("missing_store")
    hit = changed(clean.line_items, lines, "store_id")
    recent = lines["ts"] >= LAST_DAY - pd.Timedelta(days=59)
    assert not hit[~recent].any()
    assert lines.loc[hit, "store_id"].isna().all()
    assert hit[recent].mean() == pytest.approx(0.5, abs=0.08)


def test_text_dates(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("text_dates")
    times = pd.to_datetime(lines["ts"], errors="coerce", format="%Y-%m-%d %H:%M:%S")
    assert times.isna().mean() == pytest.approx(0.04, abs=0.015)
    hit = changed(clean.line_items, lines.assign(ts=times), "ts")
    assert (hit == times.isna()).all()


def test_ids_reused(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("ids_reused")
    hit = changed(clean.line_items, lines, "bill_id")
    assert (lines.loc[hit, "ts"] >= LAST_DAY - pd.Timedelta(days=59)).all()
    days = lines[~lines["is_return"]].groupby("bill_id")["ts"].agg(lambda ts: (ts.max() - ts.min()).days)
    assert (days > 300).sum() > 50
    assert len(days) < clean.line_items.loc[~clean.line_items["is_return"], "bill_id"].nunique()


def test_users_merged(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("users_merged")
    assert lines.loc[last(lines, 3), "user_id"].dropna().unique().tolist() == ["U00001"]
    assert not changed(clean.line_items, lines, "user_id")[~last(lines, 3)].any()


def test_users_rekeyed(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("users_rekeyed")
    hit = changed(clean.line_items, lines, "user_id")
    assert (hit == (last(lines, 3) & clean.line_items["user_id"].notna())).all()
    assert not set(lines.loc[hit, "user_id"]) & set(clean.line_items["user_id"])


def test_items_rekeyed(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("items_rekeyed")
    assert (changed(clean.line_items, lines, "item_id") == last(lines, 3)).all()
    assert not set(lines.loc[last(lines, 3), "item_id"]) & set(clean.line_items["item_id"])


def test_currency_changed(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    assert_dearer(clean.line_items, spoil("currency_changed"), 4.3)


def test_prices_with_tax(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    assert_dearer(clean.line_items, spoil("prices_with_tax"), 1.2)


def assert_dearer(before: pd.DataFrame, after: pd.DataFrame, factor: float) -> None:
    hit = changed(before, after, "unit_price", "discount")
    assert (hit == last(after, 3)).all()
    for money in ("unit_price", "discount"):
        np.testing.assert_allclose(after.loc[hit, money], factor * before.loc[hit, money], atol=0.0051)


def test_discount_doubled(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("discount_doubled")
    hit = changed(clean.line_items, lines, "discount")
    assert hit.any()
    assert not hit[~last(lines, 7)].any()
    assert (lines.loc[hit, "discount"] <= 2 * clean.line_items.loc[hit, "discount"]).all()


def test_quantities_in_cents(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("quantities_in_cents")
    hit = changed(clean.line_items, lines, "quantity")
    assert (hit == last(lines, 3)).all()
    assert (lines.loc[hit, "quantity"] == 100 * clean.line_items.loc[hit, "quantity"]).all()


def test_returns_as_sales(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("returns_as_sales")
    hit = changed(clean.line_items, lines, "quantity", "is_return")
    assert (hit == (last(lines, 28) & clean.line_items["is_return"])).all()
    assert (lines.loc[hit, "quantity"] > 0).all()
    assert not lines.loc[hit, "is_return"].any()


def test_sign_flipped(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("sign_flipped")
    hit = changed(clean.line_items, lines, "quantity", "is_return")
    assert (hit == last(lines, 3)).all()
    assert ((lines["quantity"] < 0) == lines["is_return"]).all()


def test_till_tests(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("till_tests")
    hit = changed(clean.line_items, lines, "unit_price")
    assert hit.sum() == 3
    assert (lines.loc[hit, "unit_price"] == 99_999.99).all()
    assert last(lines, 1)[hit].all()


def test_store_missing(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    assert_lost(clean.line_items, spoil("store_missing"), 7, "store_id", "S01")


def test_channel_missing(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    assert_lost(clean.line_items, spoil("channel_missing"), 7, "channel", "online")


def assert_lost(before: pd.DataFrame, after: pd.DataFrame, days: int, column: str, value: str) -> None:
    gone = last(before, days) & (before[column] == value)
    assert gone.any()
    pd.testing.assert_frame_equal(after, before[~gone].reset_index(drop=True))


def test_half_of_lines_lost(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines, recent = spoil("half_of_lines_lost"), last(clean.line_items, 7)
    kept = len(lines) - (~recent).sum()
    pd.testing.assert_frame_equal(lines.iloc[:-kept], clean.line_items[~recent])
    assert 0.3 < kept / recent.sum() < 0.7


def test_day_missing(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    before = clean.line_items["ts"].dt.normalize()
    gone = before == LAST_DAY - pd.Timedelta(days=1)
    assert gone.any()
    pd.testing.assert_frame_equal(spoil("day_missing"), clean.line_items[~gone].reset_index(drop=True))


def test_duplicated_day(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("duplicated_day")
    again = lines.iloc[len(clean.line_items) :].reset_index(drop=True)
    once = clean.line_items[last(clean.line_items, 1)].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.drop(columns="bill_id"), once.drop(columns="bill_id"))
    assert not set(again["bill_id"]) & set(clean.line_items["bill_id"])


def test_stuck_feed(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("stuck_feed")
    days = [lines[lines["ts"].dt.normalize() == LAST_DAY - pd.Timedelta(days=n)].drop(columns="ts") for n in range(3)]
    for again in days[:2]:
        pd.testing.assert_frame_equal(again.reset_index(drop=True), days[2].reset_index(drop=True))


def test_timezone_moved(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    assert_moved(clean.line_items, spoil("timezone_moved"), 7, -5)


def test_dates_a_day_late(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    assert_moved(clean.line_items, spoil("dates_a_day_late"), 5, 24)


def assert_moved(before: pd.DataFrame, after: pd.DataFrame, days: int, hours: int) -> None:
    hit = changed(before, after, "ts")
    assert (hit == last(before, days)).all()
    assert (after.loc[hit, "ts"] - before.loc[hit, "ts"] == pd.Timedelta(hours=hours)).all()


def test_day_and_month_swapped(clean: SimulatedData, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines, before = spoil("day_and_month_swapped")["ts"], clean.line_items["ts"]
    hit = lines != before
    assert ((before[hit].dt.day == lines[hit].dt.month) & (before[hit].dt.month == lines[hit].dt.day)).all()
    assert (before[hit] >= LAST_DAY - pd.Timedelta(days=29)).all()
    assert set(before[hit].dt.day) == {2, 3, 4, 5, 6, 7, 8, 9, 11, 12}


def last(lines: pd.DataFrame, days: int) -> pd.Series:
    return lines["ts"] >= LAST_DAY - pd.Timedelta(days=days - 1)


def test_all_defects_together() -> None:
    retailer = Retailer("wreck", "footwear", 300, date(2025, 5, 1), 549, seed=4, defects=tuple(DEFECTS))
    assert simulate(retailer).line_items.duplicated().mean() > 0.08
