"""product_affinity: bread is bought with butter, coffee again and again, and the rest gets what is popular."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.recommend.co_purchase import item_history, similarity, user_item_matrix
from capflow_assets.methods.recommend.top_k import top_columns
from capflow_assets.models import product_affinity
from capflow_assets.models.product_affinity import ProductAffinity

T = datetime(2024, 3, 1)
NAMES = {"bread": "Rye bread", "butter": "Salted butter", "coffee": "Coffee beans", "soap": "Olive soap"}


def lines(rows: list[tuple[str | None, str, int]]) -> pd.DataFrame:
    """Lines of (user, item, days after T)."""
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).astype({"user_id": "str", "item_id": "str"})
    ts = [T + timedelta(days=day, hours=9) for day in frame.pop("day")]
    return frame.assign(ts=ts, quantity=1.0, is_return=False)


def shop() -> LabelledSnapshot:
    past, later = [], []
    for number in range(40):
        user = f"u{number:02d}"
        past += [(user, "bread", -50), (user, "butter", -50)] if number % 2 else [(user, "soap", -40)]
        past += [(user, "coffee", -70 + 10 * visit) for visit in range(4)] if number % 4 < 2 else [(user, "tea", -60)]
        later += [(user, "coffee", 5)] if number % 4 < 2 else [(user, f"once {number}", 5)]
    past += [
        ("half", "bread", -3),
        ("drinker", "coffee", -9),
        ("drinker", "coffee", -29),
        ("stranger", "odd thing", -3),
    ]
    items = pd.DataFrame({"item_id": list(NAMES), "description": list(NAMES.values())})
    tables = {"line_items": ibis.memtable(lines(past)), "items": ibis.memtable(items)}
    snapshot = Snapshot("acme", T, pd.DataFrame(), tables)
    return snapshot.with_outcome(ProductAffinity().outcome(snapshot, {"line_items": ibis.memtable(lines(later))}))


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, pd.DataFrame]:
    snapshot = shop()
    artefact = ProductAffinity().fit([snapshot], ProductAffinity.parameters, 1)
    return artefact, ProductAffinity().predict(artefact, snapshot)


def rows_of(prediction: pd.DataFrame, user: str) -> pd.DataFrame:
    return prediction[prediction["user_id"] == user].set_index("item_id")


def test_what_goes_with_what_was_bought_is_recommended(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    half = rows_of(fitted[1], "half")
    assert "often bought with Rye bread, which this shopper bought" in half.loc["butter", "reasons"]
    assert half.loc["butter", "rank"] <= 3


def test_what_is_bought_again_and_again_comes_first(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    drinker = rows_of(fitted[1], "drinker")
    assert drinker.loc["coffee", "rank"] == 1
    assert "bought 2 times before" in drinker.loc["coffee", "reasons"]


def test_a_shopper_of_unknown_things_gets_what_is_popular(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    stranger = rows_of(fitted[1], "stranger")
    assert stranger.index[0] == "coffee"
    assert stranger.loc["coffee", "reasons"] == ["popular here"]


def test_ranks_follow_scores(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    for _, rows in fitted[1].groupby("user_id"):
        assert rows["rank"].tolist() == list(range(1, 11))
        assert rows["score"].is_monotonic_decreasing
        assert rows["item_id"].is_unique


def test_without_descriptions_items_are_told_by_their_id() -> None:
    snapshot = shop()
    bare = replace(snapshot, tables={"line_items": snapshot.tables["line_items"]})
    prediction = ProductAffinity().predict(ProductAffinity().fit([bare], ProductAffinity.parameters, 1), bare)
    assert "often bought with bread, which this shopper bought" in rows_of(prediction, "half").loc["butter", "reasons"]


def test_chunks_of_users_change_nothing(fitted: tuple[Artefact, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_affinity, "CELLS_AT_ONCE", 1)
    pd.testing.assert_frame_equal(fitted[1], ProductAffinity().predict(fitted[0], shop()))


def test_only_the_items_that_most_shoppers_buy_are_kept() -> None:
    snapshot = shop()
    artefact = ProductAffinity().fit([snapshot], {**ProductAffinity.parameters, "most_items": 3}, 1)
    prediction = ProductAffinity().predict(artefact, snapshot)
    assert artefact.facts["items"] == 3
    assert set(prediction["rank"]) == {1, 2, 3}


def test_history_counts_days_not_lines_and_forgets_after_a_year() -> None:
    table = ibis.memtable(lines([("a", "x", -1), ("a", "x", -1), ("a", "x", -9), ("a", "y", -366), (None, "x", -2)]))
    history = item_history(table, T)
    assert history.to_dict("records") == [{"user_id": "a", "item_id": "x", "days": 2, "age": 1}]


def test_similarity_is_the_shrunk_cosine_of_shoppers() -> None:
    pairs = [(user, "x") for user in "abcd"] + [(user, "y") for user in "abc"] + [("a", "z")]
    matrix = user_item_matrix(pd.DataFrame(pairs, columns=["user_id", "item_id"]), ("x", "y", "z"))
    found = similarity(matrix, neighbours=50, shrinkage=1.0).toarray()
    assert found[0, 1] == pytest.approx(3 / np.sqrt(12) * 3 / 4)
    assert found[0, 1] == found[1, 0]
    assert np.diag(found).tolist() == [0, 0, 0]
    assert found[0, 2] == 0  # one shopper is an anecdote


def test_similarity_keeps_the_nearest_neighbours_only() -> None:
    chance = np.random.default_rng(1)
    users, items = np.nonzero(chance.random((60, 30)) < 0.4)
    pairs = pd.DataFrame({"user_id": [f"u{u}" for u in users], "item_id": [f"i{i:02d}" for i in items]})
    matrix = user_item_matrix(pairs, tuple(sorted(pairs["item_id"].unique())))
    all_of_them, few = (similarity(matrix, count, 5.0).toarray() for count in (50, 3))
    assert ((few > 0).sum(axis=1) >= 3).all()
    assert ((few > 0).sum(axis=1) < 8).all()
    assert (few[few > 0] == all_of_them[few > 0]).all()
    assert (few.max(axis=1) == all_of_them.max(axis=1)).all()


def test_top_puts_the_best_first() -> None:
    scores = np.random.default_rng(3).random((20, 40))
    assert (top_columns(scores) == np.argsort(-scores, axis=1)[:, :10]).all()
    assert top_columns(scores[:, :4]).shape == (20, 4)
