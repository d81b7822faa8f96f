"""Sparse matrices: as bytes that load without running code, entry by entry, and a reproducible sample of their rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array


def to_bytes(matrix: csr_array, **others: np.ndarray) -> bytes:
    """Return a sparse matrix and other arrays as an .npz; the same matrix gives the same bytes."""
    import numpy as np

    buffer = BytesIO()
    parts: dict[str, Any] = {"indices": matrix.indices.astype("int32"), "indptr": matrix.indptr.astype("int64")}
    parts |= {"data": matrix.data, **others}
    np.savez(buffer, **parts)
    return buffer.getvalue()


def from_bytes(content: bytes, columns: int) -> tuple[csr_array, dict[str, np.ndarray]]:
    """Load what `to_bytes` wrote: the matrix with `columns` columns, and the other arrays by name."""
    import numpy as np
    from scipy.sparse import csr_array

    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    data, indices, indptr = (parts.pop(name) for name in ("data", "indices", "indptr"))
    return csr_array((data, indices, indptr), shape=(len(indptr) - 1, columns)), parts


def entries(matrix: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the row, column and value (float64) of each stored entry, row by row."""
    import numpy as np

    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices.astype(np.intp), matrix.data.astype(float)


def sample_rows(rows: csr_array, most: int) -> np.ndarray:
    """Sample up to `most` row numbers by the SHA-256 of row contents, so that names and order do not matter."""
    import numpy as np

    seen: Counter[bytes] = Counter()
    lots = []
    indices, data = rows.indices.astype("int64"), rows.data.astype("float64")
    for number, (start, end) in enumerate(zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True)):
        content = indices[start:end].tobytes() + data[start:end].tobytes()
        lots.append((hashlib.sha256(content + str(seen[content]).encode()).digest(), number))
        seen[content] += 1
    return np.array([number for _, number in sorted(lots)[:most]], dtype=np.intp)


def row_blocks(rows: int, columns: int, most_cells: int) -> Iterator[slice]:
    """Yield slices of rows, in order, whose dense blocks hold at most `most_cells` cells (but at least one row)."""
    size = max(1, most_cells // max(columns, 1))
    for first in range(0, rows, size):
        yield slice(first, min(first + size, rows))
