"""k-means clusters: how many are worth having, which cluster a row belongs to, and what distinguishes each.

k-means (Lloyd 1982) from k-means++ seeds (Arthur & Vassilvitskii 2007) by scikit-learn, on columns of one scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

from capflow_assets.methods.scaling import apply_scale, fit_scale
from capflow_assets.methods.variance import eta_squared

if TYPE_CHECKING:
    import numpy as np

MOST_ROWS = 50_000  # that centres are fitted on; the others are only assigned
RESTARTS = 4
DISTINCT = 0.5  # standard deviations from the overall mean that distinguish a cluster
MOST_COLUMNS = 3


@dataclass(frozen=True)
class Clusters:
    """Cluster centres, clusters x (twice the columns), the largest cluster first, and how columns are scaled."""

    middles: np.ndarray
    scale: dict[str, np.ndarray]


def fit(matrix: np.ndarray, count: int, seed: int) -> Clusters:
    """Fit `count` clusters. Row order changes nothing."""
    import numpy as np
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    ordered = matrix[np.lexsort(matrix.T[::-1])]
    scale = fit_scale(ordered)
    rows = apply_scale(ordered, scale)
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]
    with threadpool_limits(1):  # threads sum in an order of their own
        found = KMeans(count, n_init=RESTARTS, random_state=seed, algorithm="lloyd").fit(rows)
    sizes = np.bincount(found.labels_, minlength=count)
    middles = np.round(found.cluster_centers_, 9)
    order = np.lexsort([*middles.T[::-1], -sizes])
    return Clusters(middles[order], scale)


def assign(found: Clusters, matrix: np.ndarray) -> np.ndarray:
    """Return the number of the nearest cluster of each row."""
    import numpy as np

    rows = apply_scale(matrix, found.scale)
    distances = (found.middles**2).sum(axis=1) - 2 * rows @ found.middles.T
    return np.argmin(distances, axis=1)


def choose_count(past: Sequence[tuple[np.ndarray, np.ndarray]], fewest: int, most: int, seed: int) -> int:
    """Choose the number of clusters by out-of-sample eta squared of log spend on the next date.

    `past` holds the rows and the spend of each date, the oldest first. With one date only: half-way.
    """
    import numpy as np

    if len(past) < 2:
        return (fewest + most) // 2
    explained = {}
    for count in range(fewest, most + 1):
        shares = []
        for (before, _), (matrix, spent) in pairwise(past):
            if len(np.unique(before, axis=0)) > count:
                shares.append(eta_squared(np.log1p(np.maximum(spent, 0.0)), assign(fit(before, count, seed), matrix)))
        explained[count] = float(np.mean(shares)) if shares else 0.0
    return max(explained, key=lambda count: (round(explained[count], 6), -count))


def group_names(found: Clusters, columns: Sequence[str]) -> list[str]:
    """Name each cluster by what distinguishes it: "2: high visits per week, low recency days"."""
    names = []
    for number, middle in enumerate(found.middles, start=1):
        strongest = [column for column in _strongest(middle[: len(columns)]) if abs(middle[column]) >= DISTINCT]
        plain = [columns[column].replace("_", " ") for column in strongest]
        words = [f"{'high' if middle[one] > 0 else 'low'} {word}" for one, word in zip(strongest, plain, strict=True)]
        names.append(f"{number}: {', '.join(words) or 'like everybody'}")
    return names


def distinguishing_columns(found: Clusters, matrix: np.ndarray, groups: np.ndarray) -> list[list[int]]:
    """Return for each row up to three known columns that distinguish its cluster most, strongest first."""
    import numpy as np

    columns = matrix.shape[1]
    known = ~np.isnan(matrix)
    by_group = [_strongest(middle[:columns], columns) for middle in found.middles]
    return [
        [column for column in by_group[group] if known[row, column]][:MOST_COLUMNS]
        for row, group in enumerate(groups.tolist())
    ]


def to_bytes(found: Clusters) -> bytes:
    """Return the clusters as .npz, which loads without pickle."""
    import numpy as np

    buffer = BytesIO()
    np.savez(buffer, middles=found.middles, **found.scale)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(content: bytes) -> Clusters:
    """Load what `to_bytes` wrote."""
    import numpy as np

    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    return Clusters(parts.pop("middles"), parts)


def _strongest(middle: np.ndarray, most: int = MOST_COLUMNS) -> list[int]:
    import numpy as np

    order: list[int] = np.argsort(-np.abs(middle), kind="stable")[:most].tolist()
    return order
