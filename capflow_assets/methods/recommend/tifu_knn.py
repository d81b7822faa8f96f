"""TIFU-KNN: what a shopper buys again and again, with time decay, mixed with what similar shoppers buy.

H. Hu, X. He, J. Gao, Z.-L. Zhang, "Modeling Personalized Item Frequency Information for Next-basket Recommendation",
SIGIR 2020. Baskets are taken in groups of `group`, counted from the latest; a basket counts `within` times less for
each later one of its group, a group `between` times less for each later group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.recommend.co_purchase import user_item_matrix
from capflow_assets.methods.recommend.matrices import sample_rows
from capflow_assets.methods.recommend.top_k import top_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array

FEWEST_BASKETS = 2  # of one basket nobody can tell what is bought again


def frequencies(days: pd.DataFrame, items: Sequence[str], parameters: Mapping[str, Any]) -> csr_array:
    """Return users (by user_id) x items: how often each item was bought, with time decay.

    `days` has one row for each `user_id`, `item_id`, `day` of purchase; a shopper's day is one basket. `parameters`
    are `group` (baskets), `within` and `between` (0 to 1).
    """
    import numpy as np

    size = parameters["group"]
    baskets = days[["user_id", "day"]].drop_duplicates().sort_values(["user_id", "day"], ignore_index=True)
    number = baskets.groupby("user_id").cumcount(ascending=False).to_numpy()  # 0 is the latest
    total = baskets.groupby("user_id")["day"].transform("size").to_numpy()
    group, place = np.divmod(number, size)
    groups = -(-total // size)
    members = np.where(group == groups - 1, total - size * (groups - 1), size)
    weight = parameters["within"] ** place / members * parameters["between"] ** group / groups
    rows = days.merge(baskets.assign(weight=weight), on=["user_id", "day"])
    rows = rows.sort_values(["user_id", "item_id", "day"])
    pairs = rows.groupby(["user_id", "item_id"])["weight"].sum().reset_index()
    return user_item_matrix(pairs, tuple(items), pairs["weight"].to_numpy())


def sample_vectors(vectors: csr_array, baskets: np.ndarray, most: int) -> csr_array:
    """Return up to `most` shoppers' vectors, sampled by their contents, so that names and order do not matter.

    Only shoppers with two `baskets` or more stand for others.
    """
    import numpy as np

    regular = vectors[np.flatnonzero((baskets >= FEWEST_BASKETS) & (np.diff(vectors.indptr) > 0))]
    return regular[sample_rows(regular, most)]


def neighbourhood(vectors: csr_array, stored: csr_array, neighbours: int) -> csr_array:
    """Return users x items: the mean vector of the `neighbours` nearest (Euclid) stored shoppers of each."""
    import numpy as np
    from scipy.sparse import csr_array

    count = min(neighbours, stored.shape[0])
    if count == 0:
        return csr_array(vectors.shape)
    lengths = np.asarray(stored.multiply(stored).sum(axis=1)).ravel()
    nearest = np.sort(top_columns(2.0 * (vectors @ stored.T).toarray() - lengths, count), axis=1)
    start = np.arange(0, nearest.size + 1, count)
    chosen = csr_array((np.full(nearest.size, 1.0 / count), nearest.ravel(), start), (len(nearest), stored.shape[0]))
    found = (chosen @ stored).tocsr()
    found.sort_indices()
    return found
