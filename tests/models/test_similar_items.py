"""similar_items: a red mug is like a blue mug by its words, and like tea by its buyers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models import similar_items
from capflow_assets.models.similar_items import SimilarItems

T = datetime(2024, 3, 1)
NAMES = {
    "mug1": "Red coffee mug", "mug2": "Blue coffee mug", "mug3": "Giant coffee mug", "tea": "Green leaves",
    "soap": "Olive bar", "lamp": "Desk light",
}  # fmt: skip
VECTORS = {"mug1": (1.0, 0.0, 0.0), "mug2": (0.8, 0.6, 0.0), "mug3": (0.6, 0.8, 0.0), "soap": (0.0, 0.0, 1.0)}


def lines(rows: list[tuple[str | None, str, int]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).astype({"user_id": "str", "item_id": "str"})
    ts = [T + timedelta(days=day, hours=9) for day in frame["day"]]
    frame["ts"] = pd.Series(ts, dtype="datetime64[us]")
    bill = [f"b{number}" for number in range(len(frame))]
    return ibis.memtable(frame.drop(columns="day").assign(bill_id=bill, quantity=1.0, is_return=False))


def shop(later: list[tuple[str | None, str, int]]) -> LabelledSnapshot:
    past: list[tuple[str | None, str, int]] = []
    for number in range(20):
        past += [(f"u{number:02d}", item, -30) for item in (("mug1", "tea") if number % 2 else ("soap", "lamp"))]
    past += [(None, "mug2", -3), ("a", "mug3", -3), (None, "soap", -1), ("a", "forgotten", -400)]
    items = pd.DataFrame({"item_id": list(NAMES), "description": list(NAMES.values()), "category": "Home"})
    items["category"] = np.where(items["item_id"].str.startswith("mug"), "Mugs", None)
    vectors = pd.DataFrame({"item_id": list(VECTORS), "md5": "x"})
    vectors["embedding"] = [np.array(vector, dtype="float32") for vector in VECTORS.values()]
    tables = {"line_items": lines(past), "items": ibis.memtable(items), "features/item_text": ibis.memtable(vectors)}
    snapshot = Snapshot("acme", T, pd.DataFrame(), tables)
    return snapshot.with_outcome(SimilarItems().outcome(snapshot, {"line_items": lines(later)}))


LATER: list[tuple[str | None, str, int]] = [
    (user, item, 3) for user in ("a", "b", "c") for item in ("mug1", "tea", "forgotten")
]
LATER += [("a", "lamp", 4), ("d", "mug1", 5), ("d", "lamp", 6), (None, "soap", 6)]


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, pd.DataFrame]:
    snapshot = shop(LATER)
    artefact = SimilarItems().fit([snapshot], SimilarItems.parameters, 1)
    return artefact, SimilarItems().predict(artefact, snapshot)


def rows_of(prediction: pd.DataFrame, item: str) -> pd.DataFrame:
    return prediction[prediction["item_id"] == item].set_index("similar_item_id")


def test_partners_are_bought_by_two_of_the_same_shoppers_both_ways() -> None:
    outcome = shop(LATER).outcome
    pairs = set(outcome.itertuples(index=False, name=None))
    assert pairs == {("mug1", "tea"), ("tea", "mug1"), ("mug1", "lamp"), ("lamp", "mug1")}


def test_no_item_has_more_than_ten_partners_and_the_strongest_are_kept() -> None:
    everything = [f"i{number:02d}" for number in range(14)]
    past: list[tuple[str | None, str, int]] = [("x", item, -5) for item in everything]
    snapshot = replace(shop([]), tables={**shop([]).tables, "line_items": lines(past)})
    later = [(f"u{user}", item, 2) for user in range(3) for item in everything] + [("u8", "i13", 2), ("u9", "i13", 2)]
    outcome = SimilarItems().outcome(snapshot, {"line_items": lines(later)})
    assert set(outcome.groupby("item_id").size()) == {10}
    assert "i13" not in set(outcome.loc[outcome["item_id"] == "i00", "similar_item_id"])  # the weakest


def test_who_is_bought_by_the_same_shoppers_and_who_reads_alike(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    mug = rows_of(fitted[1], "mug1")
    assert set(mug.index[:3]) == {"tea", "mug2", "mug3"}
    assert mug.loc["tea", "reasons"] == ["bought by the same shoppers"]
    assert mug.loc["mug2", "reasons"] == ["both are described as coffee, mug"]
    assert mug.loc["mug2", "score"] > mug.loc["mug3", "score"]
    assert "mug1" not in mug.index


def test_an_item_that_no_known_shopper_bought_has_its_text(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    cold = rows_of(fitted[1], "mug2")
    assert cold.index[:2].tolist() == ["mug3", "mug1"]


def test_an_item_without_both_gets_what_sells_well(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    soap = rows_of(fitted[1], "soap")
    assert soap.index[0] == "lamp"
    assert soap.loc["tea", "reasons"] == ["sells well here"]
    assert soap.loc["tea", "rank"] < soap.loc["mug2", "rank"]


def test_what_was_not_sold_in_a_year_is_neither_asked_about_nor_shown(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    assert "forgotten" not in {*fitted[1]["item_id"], *fitted[1]["similar_item_id"]}
    assert set(fitted[1]["item_id"]) == set(NAMES)


def test_the_baseline_has_the_category_first_and_overall_where_there_is_none() -> None:
    baseline = SimilarItems().baseline([], shop(LATER))
    assert rows_of(baseline, "mug1").index[:2].tolist() == ["mug2", "mug3"]
    assert rows_of(baseline, "tea").index[0] == "soap"


def test_chunks_change_nothing(fitted: tuple[Artefact, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar_items, "CELLS_AT_ONCE", 1)
    pd.testing.assert_frame_equal(fitted[1], SimilarItems().predict(fitted[0], shop(LATER)))


@pytest.mark.parametrize("text_wins", [True, False])
def test_the_weight_of_the_text_is_what_ranked_best(text_wins: bool) -> None:
    partners = {"mug1": "mug2", "mug2": "mug1"} if text_wins else {"mug1": "tea", "soap": "lamp"}
    snapshot = shop([])
    outcome = pd.DataFrame({"item_id": list(partners), "similar_item_id": list(partners.values())}, dtype="str")
    latest = snapshot.with_outcome(outcome)
    before = replace(snapshot, as_of=T - timedelta(days=1), outcome=outcome)
    weight = SimilarItems().fit([before, latest], SimilarItems.parameters, 1).facts["text_weight"]
    assert (weight > 0.3) == text_wins
