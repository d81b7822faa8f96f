"""features/item_text, media_image, media_audio of one customer: what is encoded, kept, left out, and told in words."""

from __future__ import annotations

import io
import shutil
import wave
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.features import load as worlds
from capflow_assets.features.embeddings.lsa import Lsa
from capflow_assets.run.pipeline import run_customer
from tests.worlds.tiny_shop import TinyShop, lines

COLOURS = ("red", "blue", "green", "pink")
THINGS = ("ceramic mug", "wool scarf", "garden lantern", "paper lampshade", "kitchen clock")
TEXTS = {f"i{n}": f"{COLOURS[n % 4]} {THINGS[n // 4]} with stars" for n in range(20)}


def with_texts(shop: TinyShop, texts: dict[str, str | None]) -> TinyShop:
    shop.sends("line_items", lines())
    return shop.sends("items", {"Item": list(texts), "Text": list(texts.values()), "Category": ["Home"] * len(texts)})


def made(shop: TinyShop, name: str = "item_text", sent: str = "") -> Outcome:
    """What came of one embedding, made of tables as they are sent now; validation has its own tests, and takes long."""
    table = sent or ("items" if name == "item_text" else "media")
    run = shop.open()
    try:
        for outcome in run_customer(run, [f"raw/{table}", f"validated/{table}"]):
            assert outcome.status in ("done", "reused", "not_available"), outcome.reason
        run.publish_verdict(())
        return next(run_customer(run, [f"features/{name}"]))
    finally:
        run.close()


def asked(shop: TinyShop, embeddings: str) -> TinyShop:
    shop.said["embeddings"] = embeddings
    return shop.write_file()


@pytest.fixture
def shop(tmp_path: Path) -> TinyShop:
    return with_texts(TinyShop(tmp_path), dict(TEXTS))


def vectors(shop: TinyShop, name: str = "item_text", key: str = "item_id") -> dict[str, np.ndarray]:
    return {row[key]: np.array(row["embedding"], np.float32) for row in shop.rows(f"features/{name}")}


def test_every_described_item_has_a_vector_of_length_one_without_any_model(shop: TinyShop) -> None:
    outcome = made(shop)
    assert outcome.status == "done", outcome.reason + str(outcome.facts)
    found = vectors(shop)
    assert set(found) == set(TEXTS)
    assert {len(vector) for vector in found.values()} == {outcome.facts["dimensions"]}
    assert np.allclose([np.linalg.norm(vector) for vector in found.values()], 1, atol=1e-5)
    assert (outcome.facts["encoder"], outcome.facts["encoded"], outcome.facts["reused"]) == ("lsa", 20, 0)


def test_nothing_changed_is_reused_and_only_changed_texts_are_encoded(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(shop)
    before = vectors(shop)
    assert made(shop).status == "reused"
    encoded: list[str] = []
    encode = Lsa.encode
    monkeypatch.setattr(Lsa, "encode", lambda self, texts: encoded.extend(texts) or encode(self, texts))
    with_texts(shop, {**TEXTS, "i3": "green wool lantern", "i19": None})
    outcome = made(shop)
    assert sorted(encoded) == ["Home", "green wool lantern. Home"]
    after = vectors(shop)
    assert (outcome.facts["encoded"], outcome.facts["reused"]) == (2, 18)
    assert {item for item in after if not np.array_equal(after[item], before[item])} == {"i3", "i19"}


def test_a_change_of_many_texts_is_learned_from(shop: TinyShop) -> None:
    made(shop)
    changed = {item: text.replace("stars", "stripes") if item > "i5" else text for item, text in TEXTS.items()}
    outcome = made(with_texts(shop, changed))
    assert (outcome.facts["encoded"], outcome.facts["reused"]) == (20, 0)


def test_too_few_real_words_no_items_and_none_are_told_in_words(tmp_path: Path, shop: TinyShop) -> None:
    few = {item: text if item < "i15" else "n/a" for item, text in TEXTS.items()}
    outcome = made(with_texts(shop, {**dict.fromkeys(TEXTS, "12345"), "i1": few["i1"]}))
    assert outcome.status == "not_available"
    assert "1 of 20 items have 2 real words in their description; at least 10 are needed" in outcome.reason
    assert made(asked(shop, "{text: none}")).reason == "embeddings.text is none in customers/acme.yaml"
    (tmp_path / "bare").mkdir()
    bare = TinyShop(tmp_path / "bare").sends("line_items", lines())
    outcome = made(bare, sent="line_items")
    assert (outcome.status, outcome.reason) == ("not_available", "'acme' does not send items")


def test_a_file_of_word_vectors(shop: TinyShop) -> None:
    words = sorted({word for text in TEXTS.values() for word in text.split()} - {"lantern"})
    numbers = np.random.default_rng(1).normal(size=(len(words), 6)).round(4)
    rows = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, numbers, strict=True)]
    model = shop.home.customers_folder.parent / "glove.txt"
    model.write_text("\n".join(rows) + "\n")
    outcome = made(asked(shop, "{text: {kind: words, model: ../glove.txt}}"))
    assert (outcome.status, outcome.facts["dimensions"], outcome.facts["rows"]) == ("done", 6, 20)
    outcome = made(with_texts(shop, {**TEXTS, "new": "lantern"}))
    assert (outcome.facts["encoded"], outcome.facts["left_out"]) == (0, "1 nothing in it that the encoder knows")
    model.write_text("\n".join(rows[:-1]) + "\n")
    assert made(shop).facts["encoded"] == 20, "other weights, other vectors"
    model.unlink()
    outcome = made(shop)
    assert outcome.status == "failed"
    assert "embeddings.text of 'acme': there is no" in outcome.reason
    assert outcome.reason.endswith("(customers/acme.yaml)")
    assert "\n" not in outcome.reason


def test_a_model_that_cannot_be_had_from_the_hub_is_one_line(
    shop: TinyShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    outcome = made(asked(shop, "{text: {kind: sentence-transformers, model: nobody/nothing}}"))
    assert outcome.status == "failed"
    assert "embeddings.text of 'acme': 'nobody/nothing'" in outcome.reason
    assert "\n" not in outcome.reason


def test_a_model_may_name_it_and_gets_it_as_a_table(shop: TinyShop) -> None:
    made(shop, sent="line_items")
    made(shop)
    model = SimpleNamespace(
        features=("item_text",), tables=("items",), optional_tables=(), name="needy", learns_from="time"
    )
    run = shop.open()
    seen = worlds.load_snapshot(run, model, datetime(2026, 6, 1))
    assert seen.tables["features/item_text"].count().to_pyarrow().as_py() == len(TEXTS)
    assert worlds.data_versions(run, model)["features/item_text"] == 0
    run.close()


def picture(colour: str) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(written, "PNG")
    return written.getvalue()


def sound(hertz: float) -> bytes:
    wave_of = np.sin(np.arange(4000) / 8000 * hertz * 2 * np.pi) * 20_000
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(wave_of.astype("<i2").tobytes())
    return written.getvalue()


@pytest.fixture
def media_shop(shop: TinyShop) -> TinyShop:
    folder = shop.folder / "files"
    folder.mkdir()
    for n, colour in enumerate(COLOURS):
        (folder / f"i{n}_x.png").write_bytes(picture(colour))
        (folder / f"i{n}_x.wav").write_bytes(sound(300.0 + 300 * n))
    return shop


def with_media(shop: TinyShop) -> TinyShop:
    path = shop.home.customers_folder / "acme.yaml"
    source = f'sources:\n  files: {{kind: media, uri: "{shop.folder}/files", options: {{pattern: "{{item_id}}_*"}}}}'
    text = path.read_text().replace("sources:", source).replace("tables:", "tables:\n  media: {source: files}")
    path.write_text(text)
    return shop


def test_pictures_and_recordings_are_encoded_once(media_shop: TinyShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = with_media(media_shop)
    assert made(shop, "media_image").facts["rows"] == 4
    assert made(shop, "media_audio").facts["rows"] == 4
    before = vectors(shop, "media_image", "media_id")
    assert {row["item_id"] for row in shop.rows("features/media_image")} == {"i0", "i1", "i2", "i3"}
    files = shop.folder / "files"
    (files / "i0_x.png").write_bytes(picture("black"))
    shutil.copy(files / "i1_x.wav", files / "i9_x.wav")
    (files / "i7_x.mp3").write_bytes(b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\0" + bytes(413))
    image, audio = made(shop, "media_image"), made(shop, "media_audio")
    assert (image.facts["encoded"], image.facts["reused"]) == (1, 3)
    assert (audio.facts["encoded"], audio.facts["reused"]) == (1, 4)
    after = vectors(shop, "media_image", "media_id")
    assert [name for name in after if not np.array_equal(after[name], before[name])] == ["i0_x.png"]
    heard = vectors(shop, "media_audio", "media_id")
    assert np.array_equal(heard["i1_x.wav"], heard["i9_x.wav"])


def test_a_customer_without_media_is_told(shop: TinyShop) -> None:
    outcome = made(shop, "media_audio", sent="items")
    assert (outcome.status, outcome.reason) == ("not_available", "'acme' does not send media")
