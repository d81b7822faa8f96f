"""Latent semantic analysis: words that are used alike get near vectors, from the customer's own texts alone.

TF-IDF and a truncated singular value decomposition: S. Deerwester et al., "Indexing by Latent Semantic Analysis",
JASIS 41(6), 1990; weights as in scikit-learn's TfidfVectorizer (sublinear, smooth); large matrices are decomposed by
N. Halko, P. Martinsson, J. Tropp, SIAM Review 53(2), 2011 (scikit-learn's randomized_svd, seed 0).
"""

from __future__ import annotations

import hashlib
import io
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import EmbeddingError, normalise_rows
from capflow_assets.features.embeddings.tokens import plain_text, tokenise

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

DIMENSIONS = 128
MOST_WORDS = 50_000
SMALL = 4_000_000  # cells of a matrix that is decomposed whole
SCARCE = 200  # in fewer texts than this every word counts
EVERYWHERE = 0.2  # share of the texts beyond which a word says nothing of one of them


@dataclass(frozen=True)
class Lsa:
    """A fitted decomposition: `words` in alphabetical order, the IDF weight and the vector (`places`) of each."""

    words: tuple[str, ...]
    idf: np.ndarray
    places: np.ndarray

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        return int(self.places.shape[1])

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words)}

    def encode(self, contents: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts, of length 1; zeros for a text without any word of the fit."""
        counts = [Counter(word for word in tokenise(plain_text(text)) if word in self._index) for text in contents]
        rows = [Counter({self._index[word]: count for word, count in found.items()}) for found in counts]
        return normalise_rows(_weigh(_matrix(rows, len(self.words)), self.idf) @ self.places)

    def to_bytes(self) -> bytes:
        """Return the fit as an .npz file; the same fit gives the same bytes."""
        import numpy as np

        written = io.BytesIO()
        words = np.frombuffer("\n".join(self.words).encode(), dtype=np.uint8)
        np.savez_compressed(written, words=words, idf=self.idf, places=self.places)
        return written.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Lsa:
        """Load what `to_bytes` wrote."""
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            words = kept["words"].tobytes().decode().split("\n")
            return cls(tuple(words), kept["idf"], kept["places"])

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 that identifies this fit."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def fit_lsa(texts: Iterable[str], dimensions: int = DIMENSIONS) -> Lsa:
    """Fit the space on texts, each iterated once; at most 50,000 words, those in most texts.

    Where there are 200 texts or more, a word must stand in two of them and at most in a fifth. The order of texts
    changes nothing but the last digits. Raises EmbeddingError when no word is left.
    """
    import numpy as np

    index: dict[str, int] = {}
    rows: list[Counter[int]] = []
    for text in texts:
        counted = Counter(tokenise(plain_text(text)))
        rows.append(Counter({index.setdefault(word, len(index)): count for word, count in counted.items()}))
    matrix = _matrix(rows, len(index))
    texts_with = np.diff(matrix.tocsc().indptr)
    words = _choose_words(list(index), texts_with, len(rows))
    if not words:
        raise EmbeddingError("no word stands in two descriptions; set embeddings.text: none, or send descriptions")
    columns = np.array([index[word] for word in words])
    idf = np.log((1 + len(rows)) / (1 + texts_with[columns])) + 1
    return Lsa(tuple(words), idf, _decompose(_weigh(matrix[:, columns], idf), dimensions))


def _choose_words(words: list[str], texts_with: np.ndarray, texts: int) -> list[str]:
    least, most = (2, EVERYWHERE * texts) if texts >= SCARCE else (1, texts)
    common = [(-int(found), word) for word, found in zip(words, texts_with, strict=True) if least <= found <= most]
    return sorted(word for _, word in sorted(common)[:MOST_WORDS])


def _matrix(rows: Sequence[Counter[int]], width: int) -> csr_array:
    import numpy as np
    from scipy.sparse import csr_array

    indices, counts, ends = array("i"), array("d"), array("q", [0])
    for row in rows:
        for column in sorted(row):
            indices.append(column)
            counts.append(row[column])
        ends.append(len(indices))
    parts = (np.array(counts), np.array(indices), np.array(ends))
    return csr_array(parts, shape=(len(rows), width))


def _weigh(counts: csr_array, idf: np.ndarray) -> csr_array:
    """Return sublinear TF (1 + log count) times IDF, each row of length 1."""
    import numpy as np

    matrix = counts.tocsr().astype(np.float64)
    matrix.data = (1 + np.log(matrix.data)) * idf[matrix.indices]
    lengths = np.sqrt(np.bincount(_rows_of(matrix), weights=matrix.data**2, minlength=matrix.shape[0]))
    matrix.data /= lengths[_rows_of(matrix)]
    return matrix


def _rows_of(matrix: csr_array) -> np.ndarray:
    import numpy as np

    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _decompose(matrix: csr_array, dimensions: int) -> np.ndarray:
    """Return right singular vectors of the largest singular values as columns, the largest entry of each positive."""
    import numpy as np

    if matrix.shape[0] * matrix.shape[1] <= SMALL:
        _, values, vectors = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        from sklearn.utils.extmath import randomized_svd

        most = min(dimensions, *matrix.shape)
        _, values, vectors = randomized_svd(matrix, most, n_iter=4, random_state=0)
    order = np.argsort(-values)[:dimensions]
    order = order[values[order] > 1e-8 * values.max()]
    places = vectors[order].T
    signs = np.sign(places[np.abs(places).argmax(axis=0), np.arange(places.shape[1])])
    kept: np.ndarray = (places * signs).astype(np.float32)
    return kept
