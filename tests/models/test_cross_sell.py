"""cross_sell: who buys bread is shown butter, nobody what is known already, and a stranger what many start with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models import cross_sell
from capflow_assets.models.cross_sell import CrossSell

T = datetime(2024, 3, 1)
CATEGORIES = {"bread": "Food > Bread", "roll": "Food > Bread", "butter": "Food > Butter", "soap": "Care > Soap"}
CATEGORIES |= {"brush": "Care > Brush", "pen": "Paper > Pen"}


def lines(rows: list[tuple[str, str, int]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).astype({"user_id": "str", "item_id": "str"})
    ts = [T + timedelta(days=day, hours=9) for day in frame.pop("day")]
    return ibis.memtable(frame.assign(ts=ts, quantity=1.0, is_return=False))


def items() -> ibis.Table:
    rows = [*CATEGORIES.items(), ("odd", None), ("blank", "  ")]
    return ibis.memtable(pd.DataFrame(rows, columns=["item_id", "category"]))


def shop() -> LabelledSnapshot:
    past = []
    for number in range(40):
        pair = ("bread", "butter") if number % 2 else ("soap", "brush")
        past += [(f"u{number:02d}", item, -40) for item in pair]
    past += [("half", "roll", -9), ("odd", "odd", -9), ("old", "bread", -400), ("all", "pen", -1)]
    past += [("all", item, -3) for item in CATEGORIES]
    later = [("u01", "pen", 3), ("u01", "roll", 3), ("u02", "pen", 4), ("odd", "bread", 5), ("old", "pen", 5)]
    later += [("u03", "odd", 2), ("new", "pen", 2), ("u04", "pen", 2), ("u06", "pen", 2), ("u08", "pen", 2)]
    snapshot = Snapshot("acme", T, pd.DataFrame(), {"line_items": lines(past), "items": items()})
    return snapshot.with_outcome(CrossSell().outcome(snapshot, {"line_items": lines(later), "items": items()}))


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, pd.DataFrame]:
    snapshot = shop()
    artefact = CrossSell().fit([snapshot], {**CrossSell.parameters, "regularisation": 2.0}, 1)
    return artefact, CrossSell().predict(artefact, snapshot)


def test_only_what_is_new_to_a_shopper_of_the_last_year_is_an_outcome() -> None:
    outcome = shop().outcome
    assert sorted(outcome.itertuples(index=False, name=None)) == [
        ("odd", "Food > Bread"),
        ("u01", "Paper > Pen"),
        ("u02", "Paper > Pen"),
        ("u04", "Paper > Pen"),
        ("u06", "Paper > Pen"),
        ("u08", "Paper > Pen"),
    ]


def test_what_goes_with_what_was_bought_comes_first(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    half = fitted[1][fitted[1]["user_id"] == "half"]
    assert half["category"].iloc[0] == "Food > Butter"
    assert half["reasons"].iloc[0][0] == "goes with Food > Bread, which this shopper buys"
    assert half["score"].is_monotonic_decreasing


def test_nothing_known_is_recommended_and_who_knows_all_gets_nothing(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    prediction = fitted[1]
    assert "all" not in set(prediction["user_id"])
    assert "old" not in set(prediction["user_id"])
    assert set(prediction.loc[prediction["user_id"] == "u01", "category"]) == {
        "Care > Soap",
        "Care > Brush",
        "Paper > Pen",
    }


def test_a_shopper_of_unplaced_things_gets_what_most_start_with(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    odd = fitted[1][fitted[1]["user_id"] == "odd"]
    assert odd["category"].iloc[0] == "Paper > Pen"
    assert odd["reasons"].iloc[0] == ["12.0% of shoppers new to it start within 30 days"]


def test_the_baseline_is_the_most_popular_of_what_is_new() -> None:
    baseline = CrossSell().baseline([], shop())
    half = baseline[baseline["user_id"] == "half"]
    assert half["category"].tolist() == ["Care > Brush", "Care > Soap", "Food > Butter", "Paper > Pen"]
    assert half["score"].tolist() == [21.0, 21.0, 21.0, 1.0]


def test_chunks_change_nothing(fitted: tuple[Artefact, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_sell, "CELLS_AT_ONCE", 1)
    pd.testing.assert_frame_equal(fitted[1], CrossSell().predict(fitted[0], shop()))


def test_the_weight_of_popularity_is_the_one_that_ranked_best() -> None:
    """Everybody starts with pens next, whatever was bought: popularity must win over what goes together."""
    before, buyers = shop(), [f"u{number:02d}" for number in range(40)]
    opened = replace(
        before, as_of=T - timedelta(days=30), outcome=pd.DataFrame({"user_id": buyers[:9], "category": "Paper > Pen"})
    )
    latest = before.with_outcome(pd.DataFrame({"user_id": ["half", *buyers[9:]], "category": "Paper > Pen"}))
    artefact = CrossSell().fit([latest, opened], {**CrossSell.parameters, "regularisation": 2.0}, 1)
    assert artefact.facts["popular"] >= 1.0
    prediction = CrossSell().predict(artefact, before)
    assert prediction[prediction["user_id"] == "half"]["category"].iloc[0] == "Paper > Pen"
