"""Top k: the ten best of each row of scores, their NDCG, and which past purchase supports each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from scipy.sparse import csr_array

TOP = 10


@dataclass(frozen=True)
class RankedEntries:
    """The ranked entries of some rows, one after the other: their `row`, `rank` from 1, `column` and `score`."""

    row: np.ndarray
    rank: np.ndarray
    column: np.ndarray
    score: np.ndarray


def append_ranked(
    columns: dict[str, list[Any]],
    shown: RankedEntries,
    units: Sequence[str],
    names: Sequence[str],
    unit: str = "user_id",
    ranked: str = "item_id",
) -> None:
    """Append ranked entries to `columns`; `units` names the rows of `shown`, `names` its columns."""
    columns[unit] += [units[row] for row in shown.row.tolist()]
    columns["rank"] += shown.rank.tolist()
    columns[ranked] += [names[column] for column in shown.column.tolist()]
    columns["score"] += shown.score.tolist()


def top_columns(scores: np.ndarray, count: int = TOP) -> np.ndarray:
    """Return the columns of up to `count` highest scores of each row, best first; equal ones in column order."""
    import numpy as np

    count = min(count, scores.shape[1])
    if count == 0:
        return np.zeros((len(scores), 0), dtype=np.intp)
    some = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
    least = np.take_along_axis(scores, some, axis=1).min(axis=1, initial=np.inf)
    tied = np.flatnonzero(((scores >= least[:, None]).sum(axis=1) > count) & np.isfinite(least))
    some[tied] = np.sort(np.argsort(-scores[tied], axis=1, kind="stable")[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def list_ranked(scores: np.ndarray, best: np.ndarray) -> RankedEntries:
    """Return the `best` columns of each row as entries, without those scored -inf (not to be recommended)."""
    import numpy as np

    chosen = np.take_along_axis(scores, best, axis=1)
    row, place = np.nonzero(np.isfinite(chosen))
    return RankedEntries(row, place + 1, best[row, place], chosen[row, place])


def ndcg(best: np.ndarray, relevant: csr_array, wanted: np.ndarray) -> np.ndarray:
    """Return NDCG of each row's `best` columns, given `relevant` (rows x columns, 0 or 1) and the number `wanted`.

    `wanted` may count right answers that are no column; rows that wanted nothing get 0. As training.ranking has it.
    """
    import numpy as np

    discount = 1.0 / np.log2(np.arange(2, TOP + 2))
    rows = np.repeat(np.arange(len(best)), best.shape[1])
    found = np.asarray(relevant[rows, best.ravel()]).reshape(best.shape)
    ideal = np.append(0.0, np.cumsum(discount))[np.minimum(wanted, TOP)]
    gained = found @ discount[: best.shape[1]]
    return np.divide(gained, ideal, out=np.zeros(len(best)), where=ideal > 0)


def strongest_links(bought: csr_array, links: csr_array, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Return for each pair of row and column the bought item with the strongest link to the column, or -1 without any.

    `bought` is rows x things (weights), `links` things x columns: how much a thing speaks for a column.
    """
    import numpy as np

    speaking = bought[row].multiply(links.T.tocsr()[column]).tocsr()
    speaking.data[speaking.data < 0] = 0.0
    speaking.eliminate_zeros()
    where = np.repeat(np.arange(len(row)), np.diff(speaking.indptr))
    order = np.lexsort([speaking.indices, -speaking.data, where])
    some = np.diff(speaking.indptr) > 0
    found = np.full(len(row), -1)
    found[some] = speaking.indices[order[speaking.indptr[:-1][some]]]
    return found
