"""Demand: weeks are counted back from the date, whatever is unknown is NaN, and nothing comes from the future."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.methods import demand

T = datetime(2024, 3, 6)

Sale = tuple[str, str | None, float, float]  # item, store, days before T, pieces


def lines(sales: Sequence[Sale]) -> ibis.Table:
    frame = pd.DataFrame(sales, columns=["item_id", "store_id", "days", "quantity"])
    ts = [T - timedelta(days=days) for days in frame.pop("days")]
    frame = frame.assign(ts=ts, amount=2.5 * frame["quantity"], is_return=frame["quantity"] < 0, user_id=None)
    return ibis.memtable(frame, schema={
        "item_id": "string", "store_id": "string", "quantity": "float64", "ts": "timestamp", "amount": "float64",
        "is_return": "boolean", "user_id": "string",
    })  # fmt: skip


def told(panel: demand.DemandPanel, name: str, ahead: int = 1, back: int = 0) -> list[float]:
    return demand.features(panel, ahead, back)[:, demand.FEATURES.index(name)].tolist()


def test_weeks_are_the_seven_days_before_the_date() -> None:
    sold = [("tea", "a", 0.01, 1.0), ("tea", "a", 7.0, 2.0), ("tea", "a", 7.01, 4.0), ("tea", "a", 14.5, 8.0)]
    panel = demand.build_panel({"line_items": lines(sold)}, T, 10)
    assert panel.pieces[0, :4].tolist() == [3, 4, 8, 0]
    assert panel.money[0, :4].tolist() == [7.5, 10, 20, 0]
    assert panel.known == 3


def test_returns_are_not_deducted_and_shops_without_stores_are_one() -> None:
    panel = demand.build_panel({"line_items": lines([("tea", None, 1, 3.0), ("tea", None, 1, -1.0)])}, T, 10)
    assert panel.names.to_numpy().tolist() == [["tea", "all"]]
    assert panel.pieces[0, 0] == 3


def test_the_series_are_those_that_sold_most_lately() -> None:
    sold = [("old", "a", 26 * 7 + 1, 99.0), ("few", "a", 1, 1.0), ("many", "b", 20, 5.0), ("many", "a", 150, 4.0)]
    assert demand.top_series(lines(sold), T, 2).to_numpy().tolist() == [["many", "a"], ["many", "b"]]
    assert demand.top_series(lines(sold), T, 9)["item_id"].tolist() == ["few", "many", "many"]
    assert demand.top_series(lines(sold), T, 9, weeks=30)["item_id"].tolist() == ["few", "many", "many", "old"]


def test_the_coming_weeks_start_on_the_date_itself() -> None:
    after = [("tea", "a", 0, 1.0), ("tea", "a", -6.99, 2.0), ("tea", "a", -7, 4.0), ("tea", "a", -27.9, 8.0)]
    found = demand.weekly_outcome(lines(after), T).sort_values("week")
    assert found[["week", "value"]].to_numpy().tolist() == [[1, 3], [2, 4], [4, 8]]


def test_features_are_multiples_of_the_level() -> None:
    steady = [("tea", "a", 7 * week + 1, 10.0) for week in range(30)]
    doubled = [("tea", "b", 7 * week + 1, 40.0 if week < 4 else 20.0) for week in range(30)]
    panel = demand.build_panel({"line_items": lines(steady + doubled)}, T, 10)
    assert demand.level(panel)[0] == 10
    assert told(panel, "lag_1") == pytest.approx([1.0, 40 * 26 / (4 * 40 + 22 * 20)])
    assert told(panel, "spread_13")[0] == 0
    assert told(panel, "share_of_item") == pytest.approx([260 / 860, 600 / 860])
    assert told(panel, "store_trend")[0] == 1.0
    assert told(panel, "store_trend")[1] == pytest.approx(40 / ((4 * 40 + 9 * 20) / 13))


def test_the_year_before_is_the_same_week_and_nan_without_one() -> None:
    peak = [("tea", "a", 7 * week + 1, 30.0 if week == 50 else 10.0) for week in range(60)]
    panel = demand.build_panel({"line_items": lines(peak)}, T, 10)
    assert told(panel, "shop_season", ahead=2) == [3.0]  # the coming second week, 52 weeks earlier, is 50 weeks back
    assert told(panel, "shop_season", ahead=1) == [1.0]
    assert told(panel, "year_ago", ahead=2) == pytest.approx([50 / 3 / 10])
    short = demand.build_panel({"line_items": lines(peak[:40])}, T, 10)
    assert np.isnan(told(short, "shop_season")).all()
    assert np.isnan(told(short, "year_ago")).all()


def test_the_past_is_seen_as_it_was_then() -> None:
    past = [("tea", "a", 7 * week + 1, float(week % 5 + 1)) for week in range(8, 70)]
    later = [("tea", "a", 7 * week + 1, 500.0) for week in range(8)]
    then = demand.build_panel({"line_items": lines(past)}, T, 10)
    now = demand.build_panel({"line_items": lines(past + later)}, T, 10)
    np.testing.assert_array_equal(demand.features(then, 3, back=8), demand.features(now, 3, back=8))


def test_the_order_of_lines_changes_nothing() -> None:
    sold = [("tea", "a", 3, 0.1), ("tea", "a", 2, 0.2), ("salt", None, 2, 0.3), ("tea", "b", 9, 0.7)]
    one, two = (demand.build_panel({"line_items": lines(rows)}, T, 10) for rows in (sold, sold[::-1]))
    pd.testing.assert_frame_equal(one.names, two.names)
    np.testing.assert_array_equal(demand.features(one, 1), demand.features(two, 1))


def test_categories_are_the_first_part_of_the_path() -> None:
    items = pd.DataFrame({"item_id": ["tea", "salt"], "category": ["Drinks > Hot", None]})
    sold = [("tea", "a", 1, 2.0), ("salt", "a", 1, 3.0), ("cola", "a", 1, 5.0)]
    panel = demand.build_panel({"line_items": lines(sold), "items": ibis.memtable(items)}, T, 10)
    assert panel.names["item_id"].tolist() == ["cola", "salt", "tea"]
    assert panel.categories[panel.category_of, 0].tolist() == [8, 8, 2]
