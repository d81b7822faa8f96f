"""Each defect does what its name says, and leaves everything else as it was."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from capflow_resources.simulator import DEFECTS, Retailer, World, simulate

LAST_DAY = pd.Timestamp(2026, 10, 31)


@pytest.fixture(scope="module")
def clean() -> World:
    return simulate(Retailer("shop", "footwear", 500, date(2025, 5, 1), 549, seed=4))


@pytest.fixture(scope="module")
def spoil(clean: World) -> Callable[[str], pd.DataFrame]:
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


def test_duplicated_load(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("duplicated_load")
    pd.testing.assert_frame_equal(lines.iloc[: len(clean.line_items)], clean.line_items)
    copies = lines.iloc[len(clean.line_items) :]
    assert len(copies) > 0.08 * len(lines)
    third_quarter = clean.line_items["ts"].between(pd.Timestamp(2026, 7, 1), pd.Timestamp(2026, 10, 1), "left")
    pd.testing.assert_frame_equal(copies.reset_index(drop=True), clean.line_items[third_quarter].reset_index(drop=True))


def test_duplicated_load_of_a_long_history_is_large_enough() -> None:
    lines = simulate(Retailer("old", "footwear", 300, date(2020, 1, 1), 1800, defects=("duplicated_load",))).line_items
    assert lines.duplicated().mean() > 0.08


def test_missing_users(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("missing_users")
    hit = changed(clean.line_items, lines, "user_id")
    assert lines.loc[hit, "user_id"].isna().all()
    recent = lines["ts"] >= LAST_DAY - pd.Timedelta(days=59)
    known = clean.line_items["user_id"].notna()
    assert not hit[~recent].any()
    assert hit[recent & known].mean() == pytest.approx(0.6, abs=0.08)


def test_cents(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("cents")
    hit = changed(clean.line_items, lines, "unit_price", "discount")
    assert (hit == (lines["ts"] >= LAST_DAY - pd.Timedelta(days=29))).all()
    for money in ("unit_price", "discount"):
        np.testing.assert_allclose(lines.loc[hit, money], 100 * clean.line_items.loc[hit, money])


def test_truncated_day(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("truncated_day")
    pd.testing.assert_frame_equal(lines, clean.line_items.iloc[: len(lines)])
    lost = clean.line_items.iloc[len(lines) :]
    assert len(lost)
    assert (lost["ts"] >= LAST_DAY + pd.Timedelta(hours=11)).all()
    assert (lines["ts"] < LAST_DAY + pd.Timedelta(hours=11)).all()


def test_future_dates(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("future_dates")
    hit = changed(clean.line_items, lines, "ts")
    assert 0.005 < hit.mean() < 0.05
    assert (lines.loc[hit, "ts"] > LAST_DAY + pd.Timedelta(days=364)).all()


def test_negative_prices(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("negative_prices")
    hit = changed(clean.line_items, lines, "unit_price")
    assert hit.mean() == pytest.approx(0.03, abs=0.012)
    assert (lines.loc[hit, "unit_price"] == -clean.line_items.loc[hit, "unit_price"]).all()
    assert not lines.loc[hit, "is_return"].any()


def test_missing_store(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("missing_store")
    hit = changed(clean.line_items, lines, "store_id")
    recent = lines["ts"] >= LAST_DAY - pd.Timedelta(days=59)
    assert not hit[~recent].any()
    assert lines.loc[hit, "store_id"].isna().all()
    assert hit[recent].mean() == pytest.approx(0.5, abs=0.08)


def test_text_dates(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("text_dates")
    times = pd.to_datetime(lines["ts"], errors="coerce", format="%Y-%m-%d %H:%M:%S")
    assert times.isna().mean() == pytest.approx(0.04, abs=0.015)
    hit = changed(clean.line_items, lines.assign(ts=times), "ts")
    assert (hit == times.isna()).all()


def test_ids_reused(clean: World, spoil: Callable[[str], pd.DataFrame]) -> None:
    lines = spoil("ids_reused")
    hit = changed(clean.line_items, lines, "bill_id")
    assert (lines.loc[hit, "ts"] >= LAST_DAY - pd.Timedelta(days=59)).all()
    days = lines[~lines["is_return"]].groupby("bill_id")["ts"].agg(lambda ts: (ts.max() - ts.min()).days)
    assert (days > 300).sum() > 50
    assert len(days) < clean.line_items.loc[~clean.line_items["is_return"], "bill_id"].nunique()


def test_all_defects_together() -> None:
    retailer = Retailer("wreck", "footwear", 300, date(2025, 5, 1), 549, seed=4, defects=tuple(DEFECTS))
    assert simulate(retailer).line_items.duplicated().mean() > 0.08
