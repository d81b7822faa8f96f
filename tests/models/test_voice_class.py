"""voice_class: judged on speakers that it has never heard."""

from __future__ import annotations

from datetime import datetime

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot, drop_labels
from capflow_assets.models.voice_class import VoiceClass
from capflow_assets.training.split import split_labelled

MODEL = VoiceClass()


def snapshot(speakers: list[str | None]) -> LabelledSnapshot:
    """One recording for each entry, saying yes and no in turn; the first two numbers of its vector tell which."""
    count = len(speakers)
    said = [("yes", "no")[number % 2] for number in range(count)]
    ids = [f"m{number:03d}" for number in range(count)]
    keys = {
        "media_id": ids,
        "item_id": pd.Series([None] * count, dtype="str"),
        "user_id": pd.Series(speakers, dtype="str"),
    }
    vectors = 0.2 * np.random.default_rng(1).normal(size=(count, 3))
    vectors[np.arange(count), np.arange(count) % 2] += 1
    known = {"media": ibis.memtable(pd.DataFrame({**keys, "kind": "audio", "label": said}))}
    features = ibis.memtable(pd.DataFrame({**keys, "md5": ids, "embedding": vectors.tolist()}))
    tables = {**drop_labels(known), "features/media_audio": features}
    bare = Snapshot("acme", datetime(2024, 1, 1), pd.DataFrame(), tables)
    return bare.with_outcome(MODEL.outcome(bare, known))


def judged_on(speakers: list[str | None]) -> list[str | None]:
    """The speakers of the recordings that are held out."""
    _, test = split_labelled(MODEL, snapshot(speakers))
    return [speakers[int(name[1:])] for name in test.outcome["media_id"]]


@pytest.mark.parametrize(("count", "kept"), [(3, 1), (4, 1), (10, 2), (25, 5)])
def test_whole_speakers_are_held_out(count: int, kept: int) -> None:
    speakers: list[str | None] = [f"s{number % count}" for number in range(100)]
    found = judged_on(speakers)
    assert len(set(found)) == kept
    assert len(found) == sum(speaker in set(found) for speaker in speakers), "with all that they said"


def test_of_two_speakers_or_none_a_part_is_held_out_by_lot() -> None:
    assert set(judged_on(["ann", "bob"] * 50)) == {"ann", "bob"}
    assert 5 < len(judged_on([None] * 100)) < 40


def test_recordings_of_nobody_are_learned_from() -> None:
    found = judged_on(["ann", "bob", "cy", None] * 25)
    assert len(found) == 25
    assert None not in found


def test_a_new_speaker_is_understood() -> None:
    artefact = MODEL.fit([snapshot([f"s{number % 5}" for number in range(60)])], MODEL.parameters, 1)
    prediction = MODEL.predict(artefact, snapshot(["new"] * 4))
    assert prediction["label"].tolist() == ["yes", "no", "yes", "no"]
    assert prediction["reasons"][0][0].startswith("sounds most like 'yes' (")
