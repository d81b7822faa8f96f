"""Pretrained word vectors from a file: only the words that are needed are kept in memory.

GloVe's text form (J. Pennington et al., EMNLP 2014: a word and its numbers, one a line), word2vec's (the same after a
line with two counts), each plain or gzipped, or an .npz with `words` and `vectors`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import EmbeddingError

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".txt", ".vec", ".txt.gz", ".vec.gz", ".npz")


def read_word_vectors(path: Path, vocabulary: Set[str]) -> tuple[int, Mapping[str, np.ndarray]]:
    """Return the length of the vectors, and those of the words in `vocabulary`; the first of a word that occurs twice.

    Raises EmbeddingError for a file of another form, with the line.
    """
    if not path.name.endswith(SUFFIXES):
        raise EmbeddingError(f"{path.name} is no file of word vectors; send one that ends with {', '.join(SUFFIXES)}")
    try:
        if path.suffix == ".npz":
            return _of_npz(path, vocabulary)
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            return _of_text(path, stream, vocabulary)
    except (OSError, EOFError, zlib.error) as error:
        what = " ".join(str(error).split())[:200]
        raise EmbeddingError(f"{path.name} cannot be read to its end ({what}); copy it again") from None


def _of_text(path: Path, stream: Iterable[bytes], vocabulary: Set[str]) -> tuple[int, Mapping[str, np.ndarray]]:
    found: dict[str, np.ndarray] = {}
    dimensions = 0
    for number, line in _lines(stream):
        if not dimensions:
            dimensions = line.count(b" ")
        # From the right: a few "words" of GloVe 840B hold blanks.
        parts = line.rsplit(b" ", dimensions)
        word = parts[0].decode("utf-8", "replace")
        if word in vocabulary and word not in found:
            found[word] = _numbers(path, number, parts[1:], dimensions)
    if not dimensions:
        raise EmbeddingError(f"{path.name} is empty; copy it again")
    return dimensions, found


def _lines(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stream, 1):
        stripped = line.rstrip()
        if stripped and not (number == 1 and len(stripped.split()) == 2):  # word2vec begins with its two counts
            yield number, stripped


def _numbers(path: Path, number: int, parts: list[bytes], dimensions: int) -> np.ndarray:
    import numpy as np

    try:
        vector = np.array(parts, dtype=np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if len(vector) != dimensions or not np.isfinite(vector).all():
        raise EmbeddingError(f"{path.name}:{number} is no word with {dimensions} numbers; copy the file again")
    return vector


def _of_npz(path: Path, vocabulary: Set[str]) -> tuple[int, Mapping[str, np.ndarray]]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as kept:
            words, vectors = kept["words"], kept["vectors"]
    except (KeyError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise EmbeddingError(f"{path.name} does not hold `words` (text) and `vectors` ({what}); write both") from None
    if vectors.ndim != 2 or len(words) != len(vectors):
        raise EmbeddingError(
            f"{path.name} holds {len(words)} words and vectors of shape {vectors.shape}; write a row each"
        )
    places = {str(word): place for place, word in reversed(list(enumerate(words))) if str(word) in vocabulary}
    return int(vectors.shape[1]), {word: vectors[place].astype(np.float32) for word, place in places.items()}
