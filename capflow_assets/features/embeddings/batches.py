"""Encode batch by batch, so that an assortment of any size takes the memory of one batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.embedding import CONTENT_HASH, NO_VECTOR, VECTOR, Embedding, Encoder

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Batches = Iterator[tuple[pa.RecordBatch, Sequence[Any]]]

EXAMPLES = 5


@dataclass
class LeftOut:
    """What got no vector: a count per reason, and the first few by id."""

    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, name: str, reason: str) -> None:
        """Count one row without a vector."""
        self.reasons[reason] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{name}: {reason}")

    def summary(self) -> str:
        """Return all reasons with their counts in words, "" for none."""
        return "; ".join(f"{count:,} {reason}" for reason, count in sorted(self.reasons.items()))


def vector_schema(embedding: Embedding, dimensions: int) -> pa.Schema:
    """Return the schema of a table of vectors, all of the same length."""
    import pyarrow as pa

    keys = [pa.field(name, pa.string()) for name, _, _ in embedding.key]
    return pa.schema([*keys, pa.field(CONTENT_HASH, pa.string()), pa.field(VECTOR, pa.list_(pa.float32(), dimensions))])


def encode_batches(
    embedding: Embedding, encoder: Encoder, batches: Batches, left_out: LeftOut
) -> Iterator[pa.RecordBatch]:
    """Encode batches of rows (key and `md5`) and contents; contents with equal `md5` are encoded once.

    Contents are told apart by their md5. What the encoder knows nothing of is left out and noted.
    """
    import numpy as np
    import pyarrow as pa

    columns = vector_schema(embedding, encoder.dimensions)
    for rows, contents in batches:
        marks = rows[CONTENT_HASH].to_pylist()
        first = {mark: place for place, mark in reversed(list(enumerate(marks)))}
        if not first:
            continue
        made = encoder.encode([contents[place] for place in first.values()])
        place_of = {mark: place for place, mark in enumerate(first)}
        vectors = made[[place_of[mark] for mark in marks]]
        known = vectors.any(axis=1)
        for place in np.flatnonzero(~known):
            left_out.note(str(rows[embedding.id][int(place)].as_py()), NO_VECTOR)
        kept = rows.filter(pa.array(known))
        arrays = [kept[name].cast(pa.string()) for name in columns.names[:-1]]
        yield pa.RecordBatch.from_arrays([*arrays, _column(vectors[known])], schema=columns)


def _column(vectors: np.ndarray) -> pa.FixedSizeListArray:
    import numpy as np
    import pyarrow as pa

    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
