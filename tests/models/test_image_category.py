"""image_category: which pictures count, and that pictures of one item are never on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot, drop_labels
from capflow_assets.methods.labels.labelled_vectors import UnlikeVectorsError
from capflow_assets.models.image_category import ImageCategory
from capflow_assets.training.split import split_labelled

MODEL = ImageCategory()
LABELS = ("mug", "plate")


def media(count: int = 60, pictures_of_an_item: int = 3, **changed: Any) -> pd.DataFrame:
    """Pictures m000, m001, ..., three of an item, of mugs and plates in turn."""
    columns: dict[str, Any] = {
        "media_id": [f"m{number:03d}" for number in range(count)],
        "kind": "image",
        "item_id": [f"i{number // pictures_of_an_item}" for number in range(count)],
        "user_id": pd.Series([None] * count, dtype="str"),
        "label": [LABELS[number // pictures_of_an_item % 2] for number in range(count)],
    }
    return pd.DataFrame({**columns, **changed})


def snapshot(table: pd.DataFrame, without: Sequence[str] = (), dimensions: int = 3) -> LabelledSnapshot:
    """Every medium but `without` has a vector: the first number is high for mugs, the second for plates."""
    seen = table[~table["media_id"].isin(without)].reset_index(drop=True)
    vectors = 0.2 * np.random.default_rng(1).normal(size=(len(seen), dimensions))
    for place, label in enumerate(LABELS):
        vectors[(seen["label"] == label).to_numpy(), place] += 1
    features = seen[["media_id", "item_id", "user_id"]].assign(md5="m" + seen["media_id"], embedding=vectors.tolist())
    known = {"media": ibis.memtable(table)}
    tables = {**drop_labels(known), "features/media_image": ibis.memtable(features)}
    bare = Snapshot("acme", datetime(2024, 1, 1), pd.DataFrame(), tables)
    return bare.with_outcome(MODEL.outcome(bare, known))


def test_labelled_pictures_with_a_vector_are_judged() -> None:
    table = media(6, kind=["image"] * 5 + ["audio"], label=["mug", None, "plate", "mug", "mug", "mug"])
    outcome = snapshot(table, without=["m003"]).outcome
    assert dict(outcome.itertuples(index=False, name=None)) == {"m000": "mug", "m002": "plate", "m004": "mug"}


@pytest.mark.parametrize("pictures_of_an_item", [1, 3, 30])
def test_pictures_of_one_item_are_on_one_side(pictures_of_an_item: int) -> None:
    table = media(60, pictures_of_an_item)
    (train,), test = split_labelled(MODEL, snapshot(table))
    item = table.set_index("media_id")["item_id"]
    learned, judged = (set(part.outcome["media_id"].map(item)) for part in (train, test))
    assert not learned & judged
    assert len(judged) == max(1, 60 // pictures_of_an_item // 5)
    assert len(train.outcome) + len(test.outcome) == 60


def test_copies_of_one_file_without_an_item_are_on_one_side() -> None:
    known = snapshot(media(60, item_id=pd.Series([None] * 60, dtype="str")))
    vectors = known.tables["features/media_image"].execute().assign(md5=[f"file {number // 2}" for number in range(60)])
    copied = replace(known, tables={**known.tables, "features/media_image": ibis.memtable(vectors)})
    _, test = split_labelled(MODEL, copied)
    kept = sorted(int(name[1:]) // 2 for name in test.outcome["media_id"])
    assert len(kept) == 12
    assert kept[::2] == kept[1::2]


def test_every_picture_with_a_vector_is_told() -> None:
    artefact = MODEL.fit([snapshot(media())], MODEL.parameters, 1)
    asked = media(6, label=["mug", "plate", "mug", "plate", None, None])
    prediction = MODEL.predict(artefact, snapshot(asked, without=["m005"])).set_index("media_id")
    assert list(prediction.index) == ["m000", "m001", "m002", "m003", "m004"]
    assert prediction["label"].tolist()[:4] == ["mug", "plate", "mug", "plate"]
    assert prediction["score"].between(0.5, 1).all()
    assert prediction.loc["m000", "reasons"][0].startswith("looks most like 'mug' (")
    assert prediction.loc["m000", "reasons"][1].startswith("next comes 'plate' (")


def test_the_baseline_is_the_most_frequent_label() -> None:
    train = snapshot(media(10, label=["mug"] * 6 + ["plate"] * 4))
    baseline = MODEL.baseline([train], snapshot(media(4)))
    assert (set(baseline["label"]), set(baseline["score"])) == ({"mug"}, {0.6})


def test_one_label_and_other_vectors_are_told() -> None:
    with pytest.raises(ValueError, match=r"'acme': 60 media with vector and label, 1 different label"):
        MODEL.fit([snapshot(media(label="mug"))], MODEL.parameters, 1)
    artefact = MODEL.fit([snapshot(media())], MODEL.parameters, 1)
    with pytest.raises(UnlikeVectorsError, match=r"of 'acme' was fitted on vectors of 3 numbers; these have 5"):
        MODEL.predict(artefact, snapshot(media(), dimensions=5))
