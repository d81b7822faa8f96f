"""The contract of an embedding: its medium, the table that is embedded, and the columns of the table of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

VECTOR = "embedding"
CONTENT_HASH = "md5"
NO_VECTOR = "nothing in it that the encoder knows"


class EmbeddingError(Exception):
    """A model or a library is missing or broken, so no vectors can be computed. One line: what, where, what to do."""


class Unreadable(Exception):  # noqa: N818 - a fact about one file, not a fault
    """A single text, picture or recording cannot be encoded; the message says why."""


class Encoder(Protocol):
    """Encodes contents as vectors. A content's vector does not depend on the rest of the batch."""

    @property
    def dimensions(self) -> int:
        """The length of each vector."""

    def encode(self, contents: Sequence[Any]) -> np.ndarray:
        """Return one float32 row of length 1 per content; zeros where the encoder knows nothing in it."""


@dataclass(frozen=True)
class Embedding:
    """Vectors of one medium ("text", "image", "audio"): one row per key, with `md5` and `embedding`.

    `key` lists the columns kept from `table` as (name, type, description). The first one is unique.
    """

    name: str
    medium: str
    table: str
    description: str
    key: tuple[tuple[str, str, str], ...]

    @property
    def id(self) -> str:
        """The unique column."""
        return self.key[0][0]

    @property
    def columns(self) -> tuple[tuple[str, str, str], ...]:
        """Every column of the table: name, type, description."""
        return (
            *self.key,
            (CONTENT_HASH, "string", "The MD5 of what was encoded."),
            (VECTOR, "array<float32>", "The vector, of length 1: a dot product is a cosine."),
        )


def normalise_rows(vectors: np.ndarray) -> np.ndarray:
    """Scale each row to length 1, as float32; rows of zeros stay."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: np.ndarray = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-12)
    return scaled.astype(np.float32)
