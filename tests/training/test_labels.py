"""Models that learn from labels, through the real steps: no history, a part held out, labels never in the tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.features import load as worlds
from capflow_assets.models.image_category import ImageCategory
from capflow_assets.run.catalogue import models
from capflow_assets.run.plan import upstream
from tests.worlds.tiny_shop import COLUMNS, START, TinyShop, lines

REVIEW_COLUMNS = {"user_id": "Client", "item_id": "Item", "ts": "At", "text": "Words", "rating": "Stars"}
GLAD = ("lovely pot, so happy", "perfect and pretty", "happy with this lovely thing", "very pretty, perfect gift")
SORRY = ("broken on arrival", "cheap and broken", "sent back, cheap rubbish", "rubbish, sent back")
ASKED = [asset for asset in upstream(["performance/review_sentiment"]) if not asset.startswith("validated/media")]


def reviews(count: int = 400, **changed: Any) -> dict[str, list[Any]]:
    """Two of three are glad, which their words tell; every tenth has no stars."""
    glad = [number % 3 > 0 for number in range(count)]
    rows: dict[str, list[Any]] = {
        "Client": [f"u{number % 30}" for number in range(count)],
        "Item": [f"i{number % 7}" for number in range(count)],
        "At": [START + timedelta(hours=8 * number) for number in range(count)],
        "Words": [f"{(GLAD if good else SORRY)[number % 4]} {number % 5}" for number, good in enumerate(glad)],
        "Stars": [None if number % 10 == 0 else 4.0 + number % 2 if good else 1.0 for number, good in enumerate(glad)],
    }
    return rows | changed


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    monkeypatch.setitem(COLUMNS, "reviews", REVIEW_COLUMNS)
    made = TinyShop(tmp_path).sends("line_items", lines()).sends("reviews", reviews())
    return made.write_file(models="[review_sentiment]")


def came_of(shop: TinyShop) -> dict[str, Outcome]:
    return shop.run(ASKED)


def test_from_raw_to_prediction(shop: TinyShop) -> None:
    came = came_of(shop)
    model, prediction = came["model/review_sentiment"], came["prediction/review_sentiment"]
    assert (model.status, prediction.status) == ("done", "done"), (model.reason, prediction.reason)
    version = shop.home.registry.champion("acme", "review_sentiment")
    assert version is not None
    run = shop.open()
    as_of = run.as_of()
    run.close()
    assert version.metrics.tested_as_of == as_of, "no date of the past"
    assert version.metrics.value > 0.95 > version.metrics.baseline_value
    rated = sum(stars is not None for stars in reviews()["Stars"])
    assert version.metrics.rows == rated // 5
    assert version.facts["reviews"] == rated - rated // 5
    rows = shop.rows("prediction/review_sentiment")
    assert len(rows) == 400, "rated or not"
    assert len({row["review_id"] for row in rows}) == 400
    assert came["performance/review_sentiment"].status == "not_available"
    assert "learns from labels" in came["performance/review_sentiment"].reason
    assert came_of(shop)["model/review_sentiment"].status == "reused"


def test_a_short_history_and_no_times_of_reviews_are_no_hindrance(shop: TinyShop) -> None:
    untimed = {name: values for name, values in reviews().items() if name != "At"}
    shop.sends("line_items", lines(users=12, visits=2, every_days=3)).sends("reviews", untimed)
    shop.write_file(thresholds="{least_days: 1, least_users: 1, least_bills: 1}")
    came = came_of(shop)
    assert came["model/review_sentiment"].status == "done", came["model/review_sentiment"].reason
    assert len(shop.rows("prediction/review_sentiment")) == 400


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"Stars": [None] * 400}, "review_sentiment: of 0 labelled rows none is left to learn from"),
        ({"Stars": [5.0] * 400}, "labelled rows all went the same way"),
        ({"Words": ["nice thing"] * 100 + [None] * 300}, "needs at least 200 reviews with text; this customer has 100"),
    ],
)
def test_what_is_missing_is_told(shop: TinyShop, changed: dict[str, Any], told: str) -> None:
    shop.sends("reviews", reviews(**changed))
    outcome = came_of(shop)["model/review_sentiment"]
    assert outcome.status == "not_available"
    assert told in outcome.reason


def test_reviews_of_tomorrow_are_not_known_and_labels_are_in_the_outcome_alone(shop: TinyShop) -> None:
    tables = ("line_items", "reviews")
    shop.run([f"{layer}/{table}" for layer in ("raw", "validated") for table in tables])
    run = shop.open()
    model, noon = models()["review_sentiment"], datetime(2026, 2, 1, 12)
    snapshot = worlds.load_labelled_snapshot(run, model, noon)
    assert "rating" not in snapshot.tables["reviews"].columns
    assert "rating" not in worlds.load_snapshot(run, model, noon).tables["reviews"].columns
    seen = snapshot.tables["reviews"].execute()
    assert 0 < len(seen) == (seen["ts"] < pd.Timestamp(noon)).sum()
    assert set(snapshot.outcome["review_id"]) < set(seen["review_id"])
    run.close()


MEDIA = {"media_id": "Id", "kind": "Kind", "uri": "Uri", "item_id": "Item", "label": "Shows"}


def with_vectors(shop: TinyShop, dimensions: int, number: int | None = None) -> Outcome:
    """What comes of image_category with vectors of so many numbers, made of this version of the media."""
    run = shop.open()
    try:
        media = run.read("validated/media").to_pandas()
        place = media["label"].map({"pot": 0, "cup": 1}).fillna(0).astype(int)
        drawn = np.random.default_rng(1).normal(0, 0.3, (len(media), dimensions))
        drawn[np.arange(len(media)), place] += 1
        vectors = media[["media_id", "item_id", "user_id"]].assign(md5=media["uri"], embedding=drawn.tolist())
        current = run.number("validated/media") if number is None else number
        run.write("features/media_image", ibis.memtable(vectors).to_pyarrow(), {"inputs": {"validated/media": current}})
    finally:
        run.close()
    return shop.run(["model/image_category", "prediction/image_category"])["model/image_category"]


def test_pictures_by_vectors_that_are_of_the_media_as_they_are(shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMNS, "media", MEDIA)
    monkeypatch.setattr(ImageCategory, "needs", replace(ImageCategory.needs, images=0))
    pictures = [f"m{number:02d}" for number in range(60)]
    shows = [("pot", "cup", None)[number // 2 % 3] for number in range(60)]
    items = [f"i{number // 2}" for number in range(60)]
    shop.sends("media", {"Id": pictures, "Kind": ["image"] * 60, "Uri": pictures, "Item": items, "Shows": shows})
    shop.write_file(models="[image_category]")
    shop.run(upstream(["validation/report"]))
    missing = shop.run(["model/image_category"])["model/image_category"]
    assert (missing.status, missing.reason) == (
        "not_available", "image_category needs features/media_image, which 'acme' does not have"
    )  # fmt: skip
    stale = with_vectors(shop, 4, number=7)
    assert stale.status == "blocked"
    assert "features/media_image of 'acme' are not made of the tables as they are now" in stale.reason
    assert with_vectors(shop, 4).status == "done"
    rows = shop.rows("prediction/image_category")
    assert {row["media_id"] for row in rows} == set(pictures)
    other = with_vectors(shop, 6)
    assert other.status == "done", other.reason
    assert "Not compared with the champion: image_category of 'acme' was fitted on vectors of 4 numbers" in other.reason
