"""Lots: a choice of shoppers by what they hold, so that neither their names nor their order decide who is drawn."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array


def drawn(rows: csr_array, most: int) -> np.ndarray:
    """Numbers of up to `most` rows, drawn by the SHA-256 of what they hold and sorted by it; equal rows draw apart."""
    import numpy as np

    seen: Counter[bytes] = Counter()
    lots = []
    indices, data = rows.indices.astype("int64"), rows.data.astype("float64")
    for number, (start, end) in enumerate(zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True)):
        content = indices[start:end].tobytes() + data[start:end].tobytes()
        lots.append((hashlib.sha256(content + str(seen[content]).encode()).digest(), number))
        seen[content] += 1
    return np.array([number for _, number in sorted(lots)[:most]], dtype=np.intp)
