"""rfm_segments: shoppers whose segment everybody would agree on."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.models.rfm_segments import RULES, RfmSegments, labels, scores

T = datetime(2024, 3, 1)
EDGES = {
    "recency_days": [10.0, 30.0, 60.0, 120.0],
    "frequency": [1.0, 2.0, 4.0, 8.0],
    "money_cents": [1e3, 2e3, 4e3, 8e3],
}


def snapshot(shoppers: dict[str, tuple[int, int, float]]) -> Snapshot:
    """Shoppers by (days since the last visit, visits a day apart, amount of each)."""
    rows = [
        (user, T - timedelta(days=last + visit), amount, False)
        for user, (last, visits, amount) in shoppers.items()
        for visit in range(visits)
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "ts", "amount", "is_return"])
    return Snapshot("acme", T, pd.DataFrame(), {"bills": ibis.memtable(frame)})


def test_shoppers_get_the_segment_that_everybody_would_give_them() -> None:
    shoppers = {
        "champions": (2, 20, 50.0),
        "loyal": (20, 20, 50.0),
        "new": (3, 1, 5.0),
        "potential loyal": (3, 3, 10.0),
        "promising": (3, 2, 1.0),
        "at risk": (90, 20, 50.0),
        "needs attention": (40, 3, 10.0),
        "about to sleep": (40, 1, 1.0),
        "hibernating": (90, 1, 1.0),
        "lost": (200, 20, 50.0),
    }
    prediction = RfmSegments().predict(Artefact({}, facts={"edges": EDGES}), snapshot(shoppers))
    assert dict(zip(prediction["user_id"], prediction["label"], strict=True)) == {name: name for name in shoppers}
    assert set(shoppers) == {name for name, _ in RULES}


def test_every_combination_of_scores_has_a_segment() -> None:
    grid = [(r, f, m, v) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6) for v in (1, 9)]
    frame = pd.DataFrame(grid, columns=["recency", "frequency", "money", "visits"])
    frame["worth"] = (frame["frequency"] + frame["money"]) / 2
    assert set(labels(frame)) == {name for name, _ in RULES}


def test_equal_shoppers_are_never_parted_by_an_edge() -> None:
    measures = pd.DataFrame(
        {"recency_days": [10, 10, 11], "frequency": [1, 1, 1], "money_cents": [5, 5, 5], "visits": 1}
    )
    scored = scores(measures, {**EDGES, "frequency": [1.0, 1.0, 1.0, 1.0]})
    assert scored["frequency"].tolist() == [1, 1, 1]
    assert scored["recency"].tolist() == [5, 5, 4]


def test_edges_are_the_fifths_of_the_latest_training_snapshot() -> None:
    ten = snapshot({f"u{number}": (number * 10, 1, 1.0) for number in range(1, 11)})
    edges = RfmSegments().fit([ten], {}, 1).facts["edges"]
    assert edges["recency_days"] == pytest.approx([28, 46, 64, 82])
    assert edges["money_cents"] == [100.0] * 4


def test_what_lies_a_year_back_counts_as_a_visit_but_not_as_spend() -> None:
    prediction = RfmSegments().predict(Artefact({}, facts={"edges": EDGES}), snapshot({"old": (400, 9, 50.0)}))
    assert prediction["label"].tolist() == ["lost"]
    assert prediction["reasons"][0][1].startswith("0 visits in the last year")
