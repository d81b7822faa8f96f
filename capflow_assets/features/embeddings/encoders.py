"""Which encoder a setting asks for, and what it learned from the customer's own texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from capflow_assets.contract.embedding import EmbeddingError, Encoder
from partitions.customer import Encoding

FIT_TEXTS = 100_000
"""How many texts an encoder learns from at most."""

Texts = Callable[[], Iterator[str]]


@dataclass(frozen=True)
class FittedEncoder:
    """An encoder, and the bytes of what it learned (b"" if nothing), from which it can be restored."""

    encoder: Encoder
    learned: bytes = b""


def learns(encoding: Encoding) -> bool:
    """Return whether the encoder learns from the customer's texts, so that its fit is stored with the vectors."""
    return encoding.kind == "lsa" or (encoding.kind == "words" and encoding.options.get("weighting", "sif") == "sif")


def text_encoder(encoding: Encoding, model: Path | None, texts: Texts, learned: bytes | None) -> FittedEncoder:
    """Return the encoder for `texts()`, the texts to encode, which may be iterated several times.

    `learned` is what it learned before; None lets it learn from the first 100,000 of them. Raises EmbeddingError.
    """
    if encoding.kind == "lsa":
        return _lsa(encoding, texts, learned)
    if model is None:
        raise EmbeddingError(f"embeddings.text: {encoding.kind} needs a model")
    if encoding.kind == "words":
        return _words(encoding, model, texts, learned)
    from capflow_assets.features.embeddings.sentences import load_sentences

    return FittedEncoder(load_sentences(model, "embeddings.text"))


def image_encoder(encoding: Encoding, model: Path | None) -> Encoder:
    """Return the encoder of pictures: `pixels`, or a model in a folder (`clip`). Raises EmbeddingError."""
    if find_spec("PIL") is None:
        raise EmbeddingError("embeddings.image needs pillow: pip install 'capflow[media]'")
    if encoding.kind == "pixels" or model is None:
        from capflow_assets.features.embeddings.pixels import Pixels

        return Pixels()
    from capflow_assets.features.embeddings.sentences import load_sentences

    return load_sentences(model, "embeddings.image")


def audio_encoder() -> Encoder:
    """Return the encoder of recordings."""
    from capflow_assets.features.embeddings.mfcc import Mfcc

    return Mfcc()


def media_encoder(medium: str, encoding: Encoding, model: Path | None) -> Encoder:
    """Return the encoder of pictures or of recordings."""
    return image_encoder(encoding, model) if medium == "image" else audio_encoder()


def decode_file(medium: str, data: bytes) -> Any:
    """Decode the bytes of a file as its encoder takes them. Raises Unreadable."""
    if medium == "image":
        from capflow_assets.features.embeddings.pixels import decode_picture

        return decode_picture(data)
    from capflow_assets.features.embeddings.mfcc import decode_sound

    return decode_sound(data)


def _lsa(encoding: Encoding, texts: Texts, learned: bytes | None) -> FittedEncoder:
    from capflow_assets.features.embeddings.lsa import DIMENSIONS, Lsa, fit_lsa

    if learned is not None:
        return FittedEncoder(Lsa.from_bytes(learned), learned)
    fitted = fit_lsa(islice(texts(), FIT_TEXTS), encoding.options.get("dimensions", DIMENSIONS))
    return FittedEncoder(fitted, fitted.to_bytes())


def _words(encoding: Encoding, model: Path, texts: Texts, learned: bytes | None) -> FittedEncoder:
    from capflow_assets.features.embeddings.word_average import SifWeights, WordAverage, fit_sif, vocabulary
    from capflow_assets.features.embeddings.word_vectors import read_word_vectors

    dimensions, vectors = read_word_vectors(model, vocabulary(texts()))
    if not learns(encoding):
        return FittedEncoder(WordAverage(dimensions, vectors))
    if learned is not None:
        return FittedEncoder(WordAverage(dimensions, vectors, SifWeights.from_bytes(learned)), learned)
    sif = fit_sif(list(islice(texts(), FIT_TEXTS)), dimensions, vectors)
    return FittedEncoder(WordAverage(dimensions, vectors, sif), sif.to_bytes())
