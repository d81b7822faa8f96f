"""Isolation forest: outliers are separated from the other rows by few random cuts.

Liu, Ting & Zhou (2008), "Isolation Forest". Grown by scikit-learn, kept as plain arrays and asked in numpy, so that
nothing stored can run code and the scores stay those of scikit-learn's `score_samples`.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TREES = 100
EULER = 0.5772156649015329
FIELDS = ("left", "right", "feature", "threshold", "path", "starts", "median")


@dataclass(frozen=True)
class IsolationForest:
    """The trees one after another: `starts` holds where each begins, `left` and `right` a node's children (-1: a leaf).

    `path` is at a leaf the number of cuts that lead to it, and those that its rows would still need. A missing value
    is taken as the `median` of its column. `sample` is the number of rows that each tree saw.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    path: np.ndarray
    starts: np.ndarray
    median: np.ndarray
    sample: int

    def anomaly_scores(self, matrix: np.ndarray) -> np.ndarray:
        """Return the anomaly score of each row, 0 to 1: near 1 an outlier, well under 0.5 normal (equation 2)."""
        import numpy as np

        rows = _fill(matrix, self.median).astype("float32")  # as scikit-learn compares them
        cuts = np.zeros(len(rows))
        everyone = np.arange(len(rows))
        for start in self.starts.tolist():
            node = np.full(len(rows), start)
            inside = everyone[self.left[node] >= 0]
            while len(inside):
                here = node[inside]
                goes_left = rows[inside, self.feature[here]] <= self.threshold[here]
                node[inside] = np.where(goes_left, self.left[here], self.right[here])
                inside = inside[self.left[node[inside]] >= 0]
            cuts += self.path[node]
        usual = float(_path_length(np.array([self.sample]))[0])
        return np.asarray(2.0 ** (-cuts / (len(self.starts) * usual))) if usual else np.full(len(rows), 0.5)

    def to_bytes(self) -> bytes:
        """Return the arrays as .npz, which loads without pickle."""
        import numpy as np

        buffer = BytesIO()
        np.savez_compressed(buffer, sample=np.array(self.sample), **{name: getattr(self, name) for name in FIELDS})
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> IsolationForest:
        """Load what `to_bytes` wrote."""
        import numpy as np

        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in FIELDS}, sample=int(arrays["sample"]))


def grow_forest(matrix: np.ndarray, sample: int, seed: int, trees: int = TREES) -> IsolationForest:
    """Grow trees that see `sample` random rows each. Row order matters: sort the rows first."""
    import numpy as np
    from sklearn.ensemble import IsolationForest as Sklearn

    known = np.isfinite(matrix)
    median = np.array([np.median(column[seen]) if seen.any() else 0.0 for column, seen in zip(matrix.T, known.T)])  # noqa: B905
    sample = min(sample, len(matrix))
    grown = Sklearn(n_estimators=trees, max_samples=sample, random_state=seed, n_jobs=1).fit(_fill(matrix, median))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in FIELDS[:5]}
    starts, size = [], 0
    for tree, columns in zip(grown.estimators_, grown.estimators_features_, strict=True):
        nodes = tree.tree_
        inner = nodes.children_left >= 0
        parts["left"].append(np.where(inner, nodes.children_left + size, -1))
        parts["right"].append(np.where(inner, nodes.children_right + size, -1))
        parts["feature"].append(np.where(inner, columns[np.maximum(nodes.feature, 0)], 0))
        parts["threshold"].append(nodes.threshold)
        parts["path"].append(_depths(nodes.children_left, nodes.children_right) + _path_length(nodes.n_node_samples))
        starts.append(size)
        size += nodes.node_count
    arrays = {name: np.concatenate(part) for name, part in parts.items()}
    return IsolationForest(**arrays, starts=np.array(starts), median=median, sample=sample)


def _fill(matrix: np.ndarray, median: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(np.isfinite(matrix), matrix, median)


def _depths(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the number of cuts that lead to each node; a parent comes before its children."""
    import numpy as np

    depth = np.zeros(len(left))
    for node in np.flatnonzero(left >= 0).tolist():
        depth[[left[node], right[node]]] = depth[node] + 1
    return depth


def _path_length(rows: np.ndarray) -> np.ndarray:
    """Return c(n) of the paper's equation 1: the mean number of cuts that separate one of n rows."""
    import numpy as np

    many = np.maximum(rows.astype(float), 3.0)
    length = 2.0 * (np.log(many - 1.0) + EULER) - 2.0 * (many - 1.0) / many
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, length))
