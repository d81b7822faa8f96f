"""Decoding a picture, a recording or a text: the facts in its bytes, or why it cannot be used."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any

VERSION = 1
"""Incremented when the same bytes would give other facts: everything is then decoded again."""

MAX_BYTES = 200_000_000
MAX_PIXELS = 100_000_000  # a picture of a few kilobytes may declare more pixels than fit in memory
IMAGES = {
    ".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".gif": "gif", ".webp": "webp", ".bmp": "bmp", ".tif": "tiff",
    ".tiff": "tiff",
}  # fmt: skip
SOUNDS = {".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aif", ".aiff", ".wma"}
TEXTS = {".txt", ".json"}
MIN_LETTERS, MIN_CONFIDENCE = 20, 0.9
UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)  # written by recorders that do not know the length yet

Facts = dict[str, Any]


def medium_kind(path: str) -> str | None:
    """Return image, audio or text by a file's name; None for any other."""
    suffix = PurePosixPath(path).suffix.lower()
    kinds = (("image", IMAGES), ("audio", SOUNDS), ("text", TEXTS))
    return next((kind for kind, suffixes in kinds if suffix in suffixes), None)


def decode_medium(path: str, data: bytes) -> Facts:
    """Return the facts of one picture or recording: width, height, format, duration_seconds, sample_rate, channels.

    `corrupt` is true, with a `corrupt_reason`, if it cannot be decoded, is truncated, or is too large to try.
    """
    if not data:
        return corrupt_facts("it is empty")
    return _decode_image(data) if medium_kind(path) == "image" else _decode_sound(path, data)


def corrupt_facts(reason: str) -> Facts:
    """Return the facts of a file that cannot be used."""
    return {"corrupt": True, "corrupt_reason": " ".join(reason.split())[:200]}


def _decode_image(data: bytes) -> Facts:
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow's default limit would only warn, and decode up to twice as many pixels.
        with Image.open(io.BytesIO(data), formats=sorted(set(IMAGES.values()))) as image:
            width, height, form = image.width, image.height, str(image.format).lower()
            facts = {"width": width, "height": height, "format": form}
            if width * height > MAX_PIXELS:
                return {**facts, **corrupt_facts(f"it has {width * height:,} pixels, more than {MAX_PIXELS:,}")}
            image.draft("RGB", (max(1, width // 8), max(1, height // 8)))  # JPEG: all bytes, an eighth of the cost
            image.load()
    except UnidentifiedImageError:
        return corrupt_facts("it is no picture that can be read")
    except Image.DecompressionBombError:
        return corrupt_facts(f"it has more than {MAX_PIXELS:,} pixels")
    except (OSError, ValueError, SyntaxError, EOFError, struct.error) as error:
        return corrupt_facts(f"it cannot be decoded: {error}")
    return {**facts, "corrupt": False}


def _decode_sound(path: str, data: bytes) -> Facts:
    from tinytag import TinyTag, TinyTagException

    suffix = PurePosixPath(path).suffix.lower()
    try:
        tag = TinyTag.get(filename=path, file_obj=io.BytesIO(data), tags=False)
    except (
        TinyTagException,
        ValueError,
        KeyError,
        IndexError,
        struct.error,
        OverflowError,
        ZeroDivisionError,
    ) as error:
        return corrupt_facts(f"it is no sound that can be read: {error}")
    facts = {
        "format": "wav" if data[:4] == b"RIFF" else suffix.removeprefix("."),
        "duration_seconds": tag.duration,
        "sample_rate": tag.samplerate,
        "channels": tag.channels,
    }
    if not tag.samplerate or not tag.duration:
        return {**facts, **corrupt_facts("it has no sound that can be read")}
    if data[:4] == b"RIFF" and (declared := struct.unpack("<I", data[4:8])[0]) not in UNKNOWN_LENGTHS:
        missing = declared + 8 - len(data)
        if missing > 1:  # a last odd byte may lack its padding
            return {**facts, **corrupt_facts(f"it is cut off: {missing:,} bytes are missing")}
    return {**facts, "corrupt": False}


def decode_texts(path: str, data: bytes, encoding: str, field: str) -> list[Facts]:
    """Return the texts of one file: one for a .txt, one per object for a .json, whose `field` is the text.

    Each has `text`, `language` (ISO 639-1; None for a text too short to tell), `encoding` and its other `fields` as
    JSON. A byte order mark overrides `encoding`.
    """
    codec = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig" if encoding == "utf-8" else encoding
    facts = {"encoding": codec.removesuffix("-sig")}
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        return [{**facts, **corrupt_facts(f"it is not {facts['encoding']} from byte {error.start + 1:,} on")}]
    if not text.strip():
        return [{**facts, **corrupt_facts("it is empty")}]
    if PurePosixPath(path).suffix.lower() != ".json":
        return [{**facts, **_text_facts(text)}]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [{**facts, **corrupt_facts(f"it is not JSON: {error}")}]
    return [{**facts, **_object_facts(entry, field)} for entry in (content if isinstance(content, list) else [content])]


def _object_facts(entry: object, field: str) -> Facts:
    if not isinstance(entry, Mapping):
        return corrupt_facts("it is JSON but no object")
    text = entry.get(field)
    others = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in entry.items()
        if name != field and value is not None
    }
    facts = (
        _text_facts(text)
        if isinstance(text, str) and text.strip()
        else corrupt_facts(f"its field '{field}' holds no text")
    )
    return {**facts, "fields": json.dumps(others)}


def _text_facts(text: str) -> Facts:
    return {"text": text.replace("\0", "").strip(), "language": detect_language(text), "corrupt": False}


def detect_language(text: str) -> str | None:
    """Return the language of a text by py3langid; None if the text is too short or the result too uncertain."""
    if sum(map(str.isalpha, text)) < MIN_LETTERS:
        return None
    name, confidence = _identifier().classify(text[:2000])
    return str(name) if confidence >= MIN_CONFIDENCE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
