"""demand_forecast: what sells steadily goes on, what doubles before the date does, and the mean adds up."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models.demand_forecast import DemandForecast, number

MODEL = DemandForecast()
T = datetime(2024, 3, 4)
ITEMS, RARE = 30, 6
PARAMETERS = {**MODEL.parameters, "trees": 60, "past_dates": 6}


def sales(weeks: int = 60) -> pd.DataFrame:
    """Items that sell 7 to 30 pieces a week in two stores and six that sell one in every fourth; up to 8 weeks on."""
    chance = np.random.default_rng(3)
    rows = [
        (f"i{item:02d}", store, T - timedelta(days=7 * week - 2), float(pieces))
        for item in range(ITEMS)
        for store in ("north", "south")
        for week in range(-7, weeks + 1)
        if (pieces := chance.poisson(item + 1) if item >= RARE else float(week % 4 == item % 4)) > 0
    ]
    frame = pd.DataFrame(rows, columns=["item_id", "store_id", "ts", "quantity"])
    return frame.assign(amount=2.0 * frame["quantity"], is_return=False, user_id="someone")


def snapshot(lines: pd.DataFrame, as_of: datetime) -> LabelledSnapshot:
    bare = Snapshot("acme", as_of, pd.DataFrame(), {"line_items": ibis.memtable(lines[lines["ts"] < as_of])})
    window = lines[(lines["ts"] >= as_of) & (lines["ts"] < as_of + timedelta(days=28))]
    return bare.with_outcome(MODEL.outcome(bare, {"line_items": ibis.memtable(window)}))


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, Snapshot, pd.DataFrame]:
    test = snapshot(sales(), T)
    artefact = MODEL.fit([snapshot(sales(), T - timedelta(days=days)) for days in (60, 30)], PARAMETERS, 1)
    return artefact, test, MODEL.predict(artefact, test)


def test_every_series_has_four_weeks(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    prediction = fitted[2]
    assert len(prediction) == ITEMS * 2 * 4
    assert prediction.groupby(["item_id", "store_id"])["week"].apply(list).map(tuple).unique().tolist() == [
        (1, 2, 3, 4)
    ]


def test_what_sells_steadily_goes_on(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    by_item = fitted[2].groupby("item_id")["value"].mean()
    truth = np.arange(1, ITEMS + 1, dtype=float)
    error = np.abs(by_item.to_numpy() - truth)[RARE:]
    assert error.max() < 5
    assert error.mean() < 1.5


def test_the_median_of_a_rare_seller_lies_below_its_mean(
    fitted: tuple[Artefact, Snapshot, pd.DataFrame],
) -> None:
    rare = fitted[2][fitted[2]["item_id"] < f"i{RARE:02d}"]
    assert rare["value"].mean() < 0.8 * rare["expected"].mean()
    assert rare["expected"].mean() == pytest.approx(0.25, abs=0.1)


def test_the_means_add_up(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    _, test, prediction = fitted
    assert prediction["expected"].sum() == pytest.approx(test.outcome["value"].sum(), rel=0.05)


def test_reasons_tell_the_pace_and_the_week(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    rows = fitted[2][(fitted[2]["item_id"] == "i29") & (fitted[2]["store_id"] == "north")]
    for reasons, ordinal in zip(rows["reasons"], ("1st", "2nd", "3rd", "4th"), strict=True):
        pace, week, last_year = reasons
        assert 20 < float(pace.split()[1]) < 40
        assert pace.endswith("a week recently")
        assert week == f"{ordinal} week ahead"
        assert last_year.endswith("a week at this time last year")


def test_the_outcome_counts_weeks_from_the_date_and_fills_the_silent_ones() -> None:
    sold = [
        ("tea", "a", -3, 5.0),
        ("tea", "a", 0, 1.0),
        ("tea", "a", 6.9, 2.0),
        ("tea", "a", 21, 4.0),
        ("new", "a", 1, 9),
    ]
    frame = pd.DataFrame(sold, columns=["item_id", "store_id", "day", "quantity"])
    frame["ts"] = [T + timedelta(days=day) for day in frame.pop("day")]
    outcome = snapshot(frame.assign(amount=1.0, is_return=False, user_id=None), T).outcome
    assert outcome.to_numpy().tolist() == [["tea", "a", week, value] for week, value in zip((1, 2, 3, 4), (3, 0, 0, 4))]  # noqa: B905


def test_the_baseline_is_the_mean_of_eight_weeks() -> None:
    weeks = pd.DataFrame({"ts": [T - timedelta(days=7 * week - 1) for week in range(1, 20)]})
    lines = weeks.assign(
        item_id="tea", store_id="a", quantity=np.arange(1.0, 20.0), amount=1.0, is_return=False, user_id="u"
    )
    assert MODEL.baseline([], snapshot(lines, T))["value"].tolist() == [4.5] * 4


def test_the_season_is_learned_from_more_than_a_year_only(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    assert fitted[0].facts["season"] is False  # 56 weeks at the latest training date
    longer = MODEL.fit([snapshot(sales(75), T)], {**PARAMETERS, "trees": 2}, 1)
    assert longer.facts["season"] is True


def test_pieces_are_told_as_one_says_them() -> None:
    assert [number(x) for x in (0.0, 0.253, 3.46, 9.96, 12.4, 1204.2)] == ["0", "0.25", "3.5", "10", "12", "1,204"]
