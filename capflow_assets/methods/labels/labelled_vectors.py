"""Labelled vectors of pictures and recordings: reading both, and holding out whole groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capflow_assets.methods.labels.linear_classifier import LinearClassifier

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

    from capflow_assets.contract.snapshot import LabelledSnapshot

KEYS = ("media_id", "item_id", "user_id", "md5")
AT_ONCE = 50_000  # vectors held in memory as double precision


class UnlikeVectorsError(ValueError):
    """The vectors come from another encoder than the one that the model was fitted on."""


def read_vectors(table: ibis.Table) -> tuple[pd.DataFrame, np.ndarray]:
    """Return `media_id`, `item_id`, `user_id`, `md5` and the matrix of vectors, one row each, sorted by media_id."""
    import numpy as np

    found = table.select(*KEYS, "embedding").order_by("media_id").to_pyarrow()
    frame = found.select(KEYS).to_pandas()
    if not found.num_rows:
        return frame, np.zeros((0, 0))
    numbers = found["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return frame, numbers.reshape(found.num_rows, -1)


def read_labels(media: ibis.Table, kind: str, known: pd.DataFrame) -> pd.DataFrame:
    """Return `media_id` and `label` of the media of a kind that have a label, and a vector in `known`."""
    rows = media.filter(media.kind == kind, media.label.notnull()).select("media_id", "label").distinct()
    frame = rows.order_by("media_id", "label").execute().astype("str").drop_duplicates("media_id")
    return frame[frame["media_id"].isin(known["media_id"])].reset_index(drop=True)


def group_of_media(known: pd.DataFrame, column: str) -> pd.Series:
    """Return the group of each medium by media_id: its item or its speaker, else its own file with its copies."""
    named = "of " + known[column].fillna("").astype("str")
    alone = "file " + known["md5"].astype("str")
    return named.where(known[column].notna(), alone).set_axis(known["media_id"].astype("str"))


def hold_out_groups(group: pd.Series) -> np.ndarray:
    """Return which rows are held out: a random fifth of the groups, at least one, with all their rows."""
    import pandas as pd

    names = pd.Series(group.unique(), dtype="str")
    drawn = names.iloc[draw_order(names).argsort()]
    kept: np.ndarray = group.isin(drawn.iloc[: max(1, len(names) // 5)]).to_numpy()
    return kept


def draw_order(names: Sequence[str] | pd.Series) -> np.ndarray:
    """Return a pseudo-random number per name that is always the same."""
    import pandas as pd

    drawn: np.ndarray = pd.util.hash_pandas_object(pd.Series(names, dtype="str"), index=False).to_numpy()
    return drawn


def probabilities(classifier: LinearClassifier, matrix: np.ndarray, what: str) -> np.ndarray:
    """Return vectors x labels. Raises UnlikeVectorsError, naming `what`, for vectors of another length."""
    import numpy as np

    if not len(matrix):
        return np.zeros((0, len(classifier.labels)))
    if matrix.shape[1] != classifier.dimensions:
        raise UnlikeVectorsError(
            f"{what} was fitted on vectors of {classifier.dimensions:,} numbers; these have {matrix.shape[1]:,}. "
            "Train it again."
        )
    parts = [classifier.probabilities(matrix[start : start + AT_ONCE]) for start in range(0, len(matrix), AT_ONCE)]
    return np.concatenate(parts)


def reasons(found: np.ndarray, labels: Sequence[str], verb: str) -> list[list[str]]:
    """Return the two most probable labels of each vector with their probabilities, in words."""
    import numpy as np

    order = np.argsort(-found, axis=1, kind="stable")[:, :2]
    shares = np.take_along_axis(found, order, axis=1)
    return [
        [f"{verb} most like '{labels[first]}' ({best:.0%})", f"next comes '{labels[second]}' ({after:.0%})"]
        for (first, second), (best, after) in zip(order.tolist(), shares.tolist(), strict=True)
    ]


def training_vectors(snapshot: LabelledSnapshot, asset: str, model: str) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Return keys, vectors and labels of the media in a snapshot that have both a vector and a label.

    ValueError when there is nothing to tell apart.
    """
    known, matrix = read_vectors(snapshot.tables[asset])
    label = snapshot.outcome.set_index("media_id")["label"].reindex(known["media_id"].astype("str"))
    rows = label.notna().to_numpy()
    if label.nunique() < 2:
        raise ValueError(
            f"{model} for {snapshot.customer!r}: {int(rows.sum()):,} media with vector and label, "
            f"{label.nunique():,} different labels; two are needed.\nMap label in tables.media.columns of the "
            "customer's file."
        )
    return known[rows].reset_index(drop=True), matrix[rows], label[rows].tolist()


def most_frequent_label(train: Sequence[LabelledSnapshot]) -> tuple[str, float]:
    """Return the most frequent label of these snapshots and its share; of equals the first by name."""
    import pandas as pd

    counts = pd.concat([snapshot.outcome["label"] for snapshot in train])
    shares = counts.value_counts(normalize=True).sort_index()
    return str(shares.idxmax()), float(shares.max())
