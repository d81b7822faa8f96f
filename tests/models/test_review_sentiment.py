"""review_sentiment: who counts as content, what is held out, and an obvious pair of reviews."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
import pytest

from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot, drop_labels
from capflow_assets.models.review_sentiment import NO_WORDS, ReviewSentiment
from capflow_assets.training.split import split_labelled

NOON = datetime(2024, 3, 1, 12)
MODEL = ReviewSentiment()


def table(count: int, **changed: Any) -> ibis.Table:
    """Reviews r00, r01, ... a day apart, every other one of five stars and glad, the others of two and sorry."""
    columns: dict[str, Any] = {
        "review_id": [f"r{number:02d}" for number in range(count)],
        "item_id": [f"i{number % 4}" for number in range(count)],
        "ts": [NOON + timedelta(days=number) for number in range(count)],
        "text": [f"{('lovely thing', 'broken thing')[number % 2]} {number % 3}" for number in range(count)],
        "rating": [(5.0, 2.0)[number % 2] for number in range(count)],
    }
    frame = pd.DataFrame({**columns, **changed})
    types = {"review_id": "string", "item_id": "string", "ts": "timestamp", "text": "string", "rating": "float64"}
    return ibis.memtable(frame, schema=types)


def snapshot(reviews: ibis.Table) -> LabelledSnapshot:
    known = {"reviews": reviews}
    bare = Snapshot("acme", NOON + timedelta(days=999), pd.DataFrame(), drop_labels(known))
    return bare.with_outcome(MODEL.outcome(bare, known))


def labels(**changed: Any) -> dict[str, int]:
    outcome = snapshot(table(len(next(iter(changed.values()))), **changed)).outcome
    return dict(outcome.itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("rating", "content"),
    [
        ([5.0, 4.0, 3.9, 1.0], [1, 1, 0, 0]),
        ([10.0, 8.0, 7.0, 5.0], [1, 1, 0, 0]),
        ([1.0, 0.0, 1.0, 0.0], [1, 0, 1, 0]),
        ([0.3, 0.24, 0.2, 0.0], [1, 1, 0, 0]),
    ],
)
def test_content_is_the_upper_part_of_the_customers_own_scale(rating: list[float], content: list[int]) -> None:
    assert list(labels(rating=rating).values()) == content


def test_only_reviews_with_stars_and_words_have_a_label_but_the_scale_is_that_of_all() -> None:
    assert labels(rating=[10.0, 5.0, None, 9.0], text=[None, "so so", "unrated", "fine"]) == {"r01": 0, "r03": 1}
    assert labels(rating=[None, None], text=["a", "b"]) == {}
    assert labels(rating=[0.0, 0.0]) == {}, "a scale of zeros says nothing"


def test_the_newest_fifth_is_held_out() -> None:
    (train,), test = split_labelled(MODEL, snapshot(table(40)))
    assert list(test.outcome["review_id"]) == [f"r{number}" for number in range(32, 40)]
    assert len(train.outcome) == 32
    (_,), untimed = split_labelled(MODEL, snapshot(table(40, ts=[None] * 40)))
    assert len(untimed.outcome) == 8
    assert set(untimed.outcome["review_id"]) != set(test.outcome["review_id"])


def test_an_obvious_pair_rated_or_not() -> None:
    train = snapshot(table(40))
    artefact = MODEL.fit([train], MODEL.parameters, 1)
    asked = table(4, text=["lovely", "BROKEN!", "?!", None], rating=[None] * 4)
    prediction = MODEL.predict(artefact, snapshot(asked)).set_index("review_id")
    assert list(prediction.index) == ["r00", "r01", "r02"], "no words, no prediction"
    assert prediction.loc["r00", "score"] > 0.8 > 0.2 > prediction.loc["r01", "score"]
    told = prediction["reasons"].to_dict()
    assert told == {
        "r00": ["'lovely' suggests satisfied"],
        "r01": ["'broken' suggests dissatisfied"],
        "r02": [NO_WORDS],
    }


def test_the_baseline_is_the_share_of_the_item_drawn_to_that_of_all() -> None:
    reviews = table(40, rating=[5.0 if number % 4 in (0, 1) else 1.0 for number in range(40)])
    train = snapshot(reviews)
    baseline = MODEL.baseline([train], snapshot(table(5, item_id=["i0", "i1", "i2", "i3", "new"])))
    assert baseline["score"].round(4).tolist() == [0.75, 0.75, 0.25, 0.25, 0.5]


def test_all_alike_is_told() -> None:
    with pytest.raises(ValueError, match=r"'acme': 20 with text and rating, 100% of them positive"):
        MODEL.fit([snapshot(table(20, rating=[5.0] * 20))], MODEL.parameters, 1)
