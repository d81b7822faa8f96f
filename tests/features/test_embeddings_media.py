"""Vectors of pictures and recordings without any model: what is alike is near, what cannot be read says why."""

from __future__ import annotations

import io
import json
import wave
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from capflow_assets.contract.embedding import Unreadable
from capflow_assets.features.embeddings.encoders import image_encoder
from capflow_assets.features.embeddings.mfcc import RATE, Mfcc, cepstra, decode_sound
from capflow_assets.features.embeddings.pixels import Pixels, decode_picture
from partitions.customer import Encoding

needs_deep = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("sentence_transformers") is None,
    reason="torch and sentence-transformers (pip install 'capflow[deep]') are not installed",
)


def file_of(image, form: str = "PNG", **options) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def nearest_has_the_same(vectors: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> float:
    """The share of rows whose nearest other row (of another group) has the same label."""
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -9)
    if groups is not None:
        alike[groups[:, None] == groups[None, :]] = -9
    return float((labels[alike.argmax(axis=1)] == labels).mean())


def test_a_picture_is_near_itself_smaller_and_far_from_another() -> None:
    from PIL import Image

    gradient = Image.linear_gradient("L").convert("RGB")
    noise = Image.effect_noise((300, 200), 90).convert("RGB")
    pictures = [decode_picture(file_of(image)) for image in (gradient, gradient.resize((90, 90)), noise)]
    vectors = Pixels().encode(pictures)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.95 > 0.8 > vectors[0] @ vectors[2]
    assert np.array_equal(vectors[2:], Pixels().encode(pictures[2:]))


def test_pictures_of_all_forms_are_upright_on_white_and_in_colours() -> None:
    from PIL import Image

    clear = decode_picture(file_of(Image.new("RGBA", (20, 10), (0, 0, 0, 0))))
    assert (clear.mode, clear.size, clear.getpixel((3, 3))) == ("RGB", (20, 10), (255, 255, 255))
    for form, image in (
        ("GIF", Image.new("P", (9, 9))),
        ("TIFF", Image.new("1", (9, 9))),
        ("JPEG", Image.new("L", (9, 9))),
    ):
        assert decode_picture(file_of(image, form)).mode == "RGB"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    assert decode_picture(file_of(Image.new("RGB", (40, 20)), "JPEG", exif=exif)).size == (20, 40)
    assert max(decode_picture(file_of(Image.new("RGB", (3000, 100)))).size) == 512


@needs_deep
def test_a_model_of_pictures_is_loaded_from_a_folder(tmp_path: Path) -> None:
    """A CLIP of one layer with random weights, saved as sentence-transformers saves any model."""
    import torch
    from PIL import Image
    from sentence_transformers import SentenceTransformer
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    torch.manual_seed(1)
    layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    words = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2, "a": 3}
    (tmp_path / "vocab.json").write_text(json.dumps(words))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    text = {**layers, "vocab_size": 4, "max_position_embeddings": 77, "bos_token_id": 0, "eos_token_id": 1}
    seen = {**layers, "image_size": 32, "patch_size": 16}
    CLIPModel(CLIPConfig(text_config=text, vision_config=seen, projection_dim=8)).save_pretrained(tmp_path / "clip")
    tokenizer = CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(processor, tokenizer).save_pretrained(tmp_path / "clip")
    SentenceTransformer(str(tmp_path / "clip")).save(str(tmp_path / "model"))
    encoder = image_encoder(Encoding("clip", str(tmp_path / "model")), tmp_path / "model")
    pictures = [decode_picture(file_of(Image.new("RGB", (40, 30), colour))) for colour in ("red", "blue")]
    vectors = encoder.encode(pictures)
    assert (vectors.shape, encoder.dimensions) == ((2, 8), 8)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1])
    assert np.allclose(encoder.encode(pictures[1:]), vectors[1:], atol=1e-5)


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GIF89a" + b"\xff" * 40])
def test_no_picture(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_picture(data)


def test_clothes_are_nearest_to_clothes_of_their_kind(real_data: Path) -> None:
    """Of 200 pictures of ten kinds of clothes; measured 40 %, chance 10 %."""
    import pyarrow.parquet as pq

    clothes = pq.read_table(real_data / "images" / "clothing.parquet", columns=["label", "jpeg"]).to_pandas()
    few = clothes.groupby("label").head(20)
    vectors = Pixels().encode([decode_picture(data) for data in few["jpeg"]])
    assert nearest_has_the_same(vectors, few["label"].to_numpy()) > 0.25


def recording(samples: np.ndarray, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        whole = np.repeat(samples[:, None], channels, axis=1) * (2 ** (8 * width - 1) - 1)
        file.writeframes((whole + 128).astype("u1").tobytes() if width == 1 else whole.astype("<i2").tobytes())
    return written.getvalue()


def tone(hertz: float, seconds: float = 0.5, rate: int = 8000) -> np.ndarray:
    return np.sin(np.arange(int(rate * seconds)) / rate * hertz * 2 * np.pi) * 0.5


def test_sound_of_any_rate_width_and_channels_is_the_same_sound() -> None:
    forms = [recording(tone(700)), recording(tone(700), channels=2), recording(tone(700, rate=44100), 44100),
             recording(tone(700), width=1)]  # fmt: skip
    vectors = Mfcc().encode([decode_sound(data) for data in forms])
    assert {len(decode_sound(data)) for data in forms} == {RATE // 2}
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], vectors[1], atol=1e-5)
    quieter = Mfcc().encode([decode_sound(recording(tone(700) / 4))])
    assert vectors[0] @ quieter[0] > 0.99, "how loud it is does not count"
    other = Mfcc().encode([decode_sound(recording(tone(2500)))])
    assert vectors[0] @ quieter[0] > vectors[0] @ other[0]


def test_only_the_first_minute_is_heard() -> None:
    assert len(decode_sound(recording(tone(300, seconds=70)))) == 60 * RATE


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no WAV file"),
        (b"ID3\x04" + bytes(50), "no WAV file: other recordings are not decoded"),
        (b"RIFF\x04\0\0\0WAVEfmt ", "cannot be decoded"),
        (recording(np.zeros(0)), "no sound in it"),
        (recording(np.zeros(800)), "silent"),
    ],
)
def test_no_recording(data: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        decode_sound(data)


def test_a_recording_of_one_frame() -> None:
    vectors = Mfcc().encode([decode_sound(recording(tone(400, seconds=0.01)))])
    assert vectors.shape == (1, 62)
    assert np.isfinite(vectors).all()


def test_the_coefficients_are_those_of_the_definition() -> None:
    """Davis & Mermelstein (1980), computed frame by frame with loops for one frame of a chirp."""
    samples = np.sin(np.linspace(0, 1, 400) ** 2 * 300)
    emphasised = [samples[0]] + [samples[n] - 0.97 * samples[n - 1] for n in range(1, 400)]
    windowed = np.array(emphasised) * (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399))
    angles = np.outer(np.arange(257), np.arange(400)) * -2j * np.pi / 512
    power = np.abs(np.exp(angles) @ windowed) ** 2 / 512
    mel = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 7600 / 700), 42)
    edges = 700 * (10 ** (mel / 2595) - 1)
    energy = np.zeros(40)
    for band in range(40):
        low, middle, high = edges[band : band + 3]
        for n in range(257):
            hertz = n * 16000 / 512
            if low < hertz < high:
                up, down = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
                energy[band] += power[n] * min(up, down)
    logs = np.log(np.maximum(energy, 1e-10))
    expected = []
    for k in range(13):
        total = sum(logs[j] * np.cos(np.pi * k * (j + 0.5) / 40) for j in range(40)) * np.sqrt((2 if k else 1) / 40)
        expected.append(total * (1 + 11 * np.sin(np.pi * k / 22)))
    assert np.allclose(cepstra(samples)[0], expected)


def test_spoken_digits_are_nearest_to_the_same_digit_of_another_speaker(real_data: Path) -> None:
    """Of 160 recordings of four speakers; measured 50 % across speakers, 98 % with the same one, chance 10 %."""
    import pyarrow.parquet as pq

    spoken = pq.read_table(real_data / "audio" / "spoken_digits.parquet").to_pandas()
    few = spoken[spoken["index"] < 4]
    vectors = Mfcc().encode([decode_sound(data) for data in few["wav"]])
    digits, speakers = few["digit"].to_numpy(), few["speaker"].to_numpy()
    assert nearest_has_the_same(vectors, digits) > 0.8
    assert nearest_has_the_same(vectors, digits, speakers) > 0.35
