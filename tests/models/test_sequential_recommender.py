"""sequential_recommender: after the camera comes the film; names and reasons are told."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models.sequential_recommender import SequentialRecommender

pytest.importorskip("torch")
T = datetime(2024, 3, 1)
STEPS = ("camera", "film", "album", "frame")
PARAMETERS = {**SequentialRecommender.parameters, "length": 5, "dimensions": 16, "blocks": 1, "dropout": 0.0}


def lines(rows: list[tuple[str, str, int]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).astype({"user_id": "str", "item_id": "str"})
    ts = [T + timedelta(days=day, hours=9) for day in frame.pop("day")]
    return ibis.memtable(frame.assign(ts=ts, quantity=1.0, is_return=False))


def shop() -> LabelledSnapshot:
    """Shoppers walk camera, film, album, frame, camera... every 20 days, each from another start."""
    past, later = [], []
    for number in range(120):
        walk = [STEPS[(number + step) % 4] for step in range(5)]
        past += [(f"u{number:03d}", walk[step], -20 * (4 - step) - 1) for step in range(4)]
        later.append((f"u{number:03d}", walk[4], 15))
    past.append(("beginner", "camera", -4))
    items = ibis.memtable(pd.DataFrame({"item_id": list(STEPS), "description": [f"The {step}" for step in STEPS]}))
    snapshot = Snapshot("acme", T, pd.DataFrame(), {"line_items": lines(past), "items": items})
    outcome = SequentialRecommender().outcome(snapshot, {"line_items": lines([*later, ("unknown", "film", 2)])})
    return snapshot.with_outcome(outcome)


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, pd.DataFrame]:
    snapshot = shop()
    artefact = SequentialRecommender().fit([snapshot], {**PARAMETERS, "learning_rate": 0.05}, 1)
    return artefact, SequentialRecommender().predict(artefact, snapshot)


def test_the_outcome_is_of_shoppers_seen_before() -> None:
    outcome = shop().outcome
    assert len(outcome) == 120
    assert "unknown" not in set(outcome["user_id"])


def test_what_comes_next_is_first(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    first = fitted[1][fitted[1]["rank"] == 1].set_index("user_id")["item_id"]
    assert first["beginner"] == "film"
    assert [first[f"u{number:03d}"] for number in range(4)] == list(STEPS)


def test_reasons_name_the_own_purchase_and_what_it_follows(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    prediction = fitted[1].set_index(["user_id", "item_id"])["reasons"]
    assert prediction["beginner", "film"] == ["often bought after The camera, which this shopper bought"]
    assert prediction["u000", "camera"][0] == "bought on 1 day, the last 81 days ago"


def test_scores_are_shares_that_fall_with_the_rank(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    for _, rows in fitted[1].groupby("user_id"):
        assert rows["score"].is_monotonic_decreasing
        assert rows["score"].sum() == pytest.approx(1.0)  # of four items, all are shown


def test_of_too_many_shoppers_a_part_is_learned_from() -> None:
    few = {**PARAMETERS, "most_sequences": 30, "steps": 4}
    assert SequentialRecommender().fit([shop()], few, 1).facts["sequences"] == 30


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ValueError, match=r"pip install 'capflow\[deep\]'"):
        SequentialRecommender().fit([shop()], PARAMETERS, 1)
