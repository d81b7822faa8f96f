"""next_basket: the weekly milk comes first, then what alike shoppers buy, then what everybody buys."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models import next_basket
from capflow_assets.models.next_basket import NO_DECAY, NextBasket

T = datetime(2024, 3, 1)


def lines(rows: list[tuple[str, str, int]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).astype({"user_id": "str", "item_id": "str"})
    ts = [T + timedelta(days=day, hours=9) for day in frame.pop("day")]
    return ibis.memtable(frame.assign(ts=ts, quantity=1.0, is_return=False))


def past() -> list[tuple[str, str, int]]:
    rows = []
    for number in range(30):
        things = ("milk", "oats") if number % 2 else ("beer", "nuts")
        rows += [(f"u{number:02d}", thing, -10 * visit - 1) for visit in range(4) for thing in things]
    rows += [("weekly", "milk", -7 * visit - 1) for visit in range(6)] + [("weekly", "lamp", -36)]
    return [*rows, ("stranger", "odd", -4), ("gone", "milk", -400)]


def shop() -> LabelledSnapshot:
    later = [(f"u{number:02d}", "milk" if number % 2 else "beer", 5) for number in range(30)]
    later += [("u00", "beer", 9), ("gone", "milk", 3), ("new", "milk", 3)]
    snapshot = Snapshot("acme", T, pd.DataFrame(), {"line_items": lines(past())})
    return snapshot.with_outcome(NextBasket().outcome(snapshot, {"line_items": lines(later)}))


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, pd.DataFrame]:
    snapshot = shop()
    artefact = NextBasket().fit([snapshot], {**NextBasket.parameters, "neighbours": 5}, 1)
    return artefact, NextBasket().predict(artefact, snapshot)


def rows_of(prediction: pd.DataFrame, user: str) -> pd.DataFrame:
    return prediction[prediction["user_id"] == user].set_index("item_id")


def test_the_outcome_is_of_shoppers_of_the_last_year_each_item_once() -> None:
    outcome = shop().outcome
    assert len(outcome) == 30
    assert not {"gone", "new"} & set(outcome["user_id"])


def test_the_regular_item_is_first_then_that_of_alike_shoppers(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    weekly = rows_of(fitted[1], "weekly")
    assert weekly.index[0] == "milk"
    assert weekly.loc["milk", "reasons"][0] == "bought on 6 of 6 shopping days"
    assert weekly.loc["oats", "reasons"] == ["shoppers with similar baskets buy it"]
    assert weekly.loc["oats", "rank"] < weekly.loc["beer", "rank"]


def test_a_shopper_of_unknown_things_is_predicted(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    artefact = fitted[0]
    stranger = Snapshot("acme", T, pd.DataFrame(), {"line_items": lines([("x", "never seen", -2)])})
    alone = NextBasket().predict(artefact, stranger)
    assert alone["rank"].tolist() == list(range(1, len(alone) + 1))
    assert {"milk", "beer"} & set(alone["item_id"].head(2))


def test_of_the_stored_shoppers_no_name_is_kept(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    assert fitted[0].facts["stored"] == 31  # those of two baskets or more: stranger has one, gone none
    assert not any(b"u01" in content or b"weekly" in content for content in fitted[0].files.values())


def test_the_baseline_is_own_frequency_then_popularity() -> None:
    weekly = rows_of(NextBasket().baseline([], shop()), "weekly")
    assert weekly.index[:3].tolist() == ["milk", "lamp", "beer"]


def test_chunks_change_nothing(fitted: tuple[Artefact, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_basket, "CELLS_AT_ONCE", 1)
    pd.testing.assert_frame_equal(fitted[1], NextBasket().predict(fitted[0], shop()))


def steady(recent_wins: bool) -> list[LabelledSnapshot]:
    """Shoppers whose old habit (often, long ago) and new one (twice, lately) compete; one of them goes on."""
    snapshots = []
    for back in (60, 30):
        rows = []
        for number in range(40):
            old, new = f"old {number % 4}", f"new {number % 4}"
            rows += [(f"u{number:02d}", old, -back - 100 - visit) for visit in range(8)]
            rows += [(f"u{number:02d}", new, -back - 2 - visit) for visit in range(6)]
        as_of = T - timedelta(days=back)
        snapshot = Snapshot("acme", as_of, pd.DataFrame(), {"line_items": lines(rows)})
        later = [(f"u{n:02d}", f"{'new' if recent_wins else 'old'} {n % 4}", 3 - back) for n in range(40)]
        snapshots.append(snapshot.with_outcome(NextBasket().outcome(snapshot, {"line_items": lines(later)})))
    return snapshots


@pytest.mark.parametrize("recent_wins", [True, False])
def test_how_fast_old_baskets_fade_is_what_ranked_best(recent_wins: bool) -> None:
    snapshots = steady(recent_wins)
    artefact = NextBasket().fit(snapshots, {**NextBasket.parameters, "neighbours": 3}, 1)
    assert (artefact.facts["within"] == NO_DECAY["within"]) == (not recent_wins)
    prediction = NextBasket().predict(artefact, snapshots[-1])
    first = prediction[prediction["rank"] == 1]["item_id"].str[:3]
    assert (first == ("new" if recent_wins else "old")).all()
