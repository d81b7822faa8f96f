"""Averaged word vectors: a text is the mean of its words' vectors, weighted so that rare words count more.

Weights and the common direction that is taken out: S. Arora, Y. Liang, T. Ma, "A Simple but Tough-to-Beat Baseline for
Sentence Embeddings", ICLR 2017 (smooth inverse frequency, a = 0.001).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import normalise_rows
from capflow_assets.features.embeddings.tokens import plain_text, tokenise

if TYPE_CHECKING:
    import numpy as np

SMOOTHING = 1e-3


@dataclass(frozen=True)
class SifWeights:
    """What is learned from the customer's texts: how often each word occurs, and the common direction of the texts."""

    total: int
    counts: Mapping[str, int]
    direction: np.ndarray

    def weight(self, word: str) -> float:
        """Return the weight of a word: near 1 for a rare one, near 0 for one that is everywhere."""
        return SMOOTHING / (SMOOTHING + self.counts.get(word, 0) / max(1, self.total))

    def to_bytes(self) -> bytes:
        """Return the fit as an .npz file."""
        import numpy as np

        written = io.BytesIO()
        words = np.frombuffer("\n".join(self.counts).encode(), dtype=np.uint8)
        counts = np.array(list(self.counts.values()), dtype=np.int64)
        np.savez_compressed(written, words=words, counts=counts, total=self.total, direction=self.direction)
        return written.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> SifWeights:
        """Load what `to_bytes` wrote."""
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            words = kept["words"].tobytes().decode().split("\n")
            counts = dict(zip(words, kept["counts"].tolist(), strict=True))
            return cls(int(kept["total"]), counts, kept["direction"])


@dataclass(frozen=True)
class WordAverage:
    """The mean of word vectors, weighted by `sif` if there is one."""

    dimensions: int
    vectors: Mapping[str, np.ndarray]
    sif: SifWeights | None = None

    def encode(self, contents: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts, of length 1; zeros for a text without any word that has a vector."""
        averages = self.averages(contents)
        if self.sif is not None:
            known = averages.any(axis=1, keepdims=True)
            averages = averages - known * _along(averages, self.sif.direction)
        return normalise_rows(averages)

    def averages(self, contents: Sequence[str]) -> np.ndarray:
        """Return the weighted mean of the words of each text, as float64."""
        import numpy as np

        rows = np.zeros((len(contents), self.dimensions))
        for row, text in zip(rows, contents, strict=True):
            known = [word for word in tokenise(plain_text(text)) if word in self.vectors]
            for word in known:
                row += self.vectors[word] * ((self.sif.weight(word) if self.sif else 1.0) / len(known))
        return rows


def vocabulary(texts: Iterable[str]) -> set[str]:
    """Return every word of the texts."""
    return {word for text in texts for word in tokenise(plain_text(text))}


def fit_sif(texts: Sequence[str], dimensions: int, vectors: Mapping[str, np.ndarray]) -> SifWeights:
    """Count the words of the texts, and find the first principal direction of their weighted averages."""
    import numpy as np

    counted = Counter(word for text in texts for word in tokenise(plain_text(text)))
    total, counts = counted.total(), dict(sorted(counted.items()))
    averages = WordAverage(dimensions, vectors, SifWeights(total, counts, np.zeros(dimensions))).averages(texts)
    _, directions = np.linalg.eigh(averages.T @ averages)
    first = directions[:, -1]
    return SifWeights(total, counts, first * np.sign(first[np.abs(first).argmax()]))


def _along(rows: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Project each row on `direction`, row by row: the result of a matrix product would depend on the batch."""
    import numpy as np

    return np.array([row.dot(direction) * direction for row in rows]).reshape(rows.shape)
