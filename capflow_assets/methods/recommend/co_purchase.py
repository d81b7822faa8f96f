"""Co-purchase: what shoppers bought, which items go together, and how likely an item is bought again.

Items are alike when the same shoppers buy both: cosine of their shopper sets, shrunk where few shoppers speak for it
(Sarwar et al. 2001; the shrinkage after Bell & Koren 2007). Nothing here holds users x items at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from capflow_assets.features.purchases import is_item_sale
from capflow_assets.features.visits import day_number
from capflow_assets.methods.visits import YEAR_DAYS, last_day_before

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array

TIMES_EDGES = (1, 2, 3)  # bought on 1, 2, 3, more days
AGE_EDGES = (14, 30, 60, 120)  # last bought so many days ago
PAIR_PRIOR = 20.0  # so many purchases at the overall rate are added to each rate, so that rare items do not shout
ITEMS_AT_ONCE = 512


def item_days(line_items: ibis.Table) -> ibis.Table:
    """Return one row for each identified shopper, item and day of purchase (`features.purchases`)."""
    bought = line_items.filter(line_items.user_id.notnull(), is_item_sale(line_items))
    return bought.select("user_id", "item_id", day=day_number(bought.ts).cast("int64")).distinct()


def recent_item_days(line_items: ibis.Table, as_of: datetime) -> pd.DataFrame:
    """Return `user_id`, `item_id`, `day`: what each shopper bought on each day of the last 365, sorted."""
    days = item_days(line_items)
    recent = days.filter(days.day > last_day_before(as_of) - YEAR_DAYS)
    return recent.order_by("user_id", "item_id", "day").execute().astype({"day": "int64"})


def items_of_users(line_items: ibis.Table, users: Collection[str]) -> pd.DataFrame:
    """Return `user_id`, `item_id`: the items that each of these shoppers bought, sorted."""
    days = item_days(line_items)
    pairs = days.select("user_id", "item_id").distinct().order_by("user_id", "item_id").execute()
    return pairs[pairs["user_id"].isin(users)].reset_index(drop=True)


def top_items(pairs: pd.DataFrame, most: int) -> tuple[str, ...]:
    """Return the items of `pairs` (user and item, each once) that most shoppers bought, most buyers first."""
    buyers = pairs.groupby("item_id").size().reset_index(name="buyers")
    ranked = buyers.sort_values(["buyers", "item_id"], ascending=[False, True])
    return tuple(ranked["item_id"].head(most).astype(str))


def item_history(line_items: ibis.Table, as_of: datetime) -> pd.DataFrame:
    """Return purchases of the last 365 days: `user_id`, `item_id`, `days` (with a purchase), `age` (in days)."""
    today = last_day_before(as_of)
    days = item_days(line_items)
    days = days.filter(days.day > today - YEAR_DAYS)
    pairs = days.group_by("user_id", "item_id").aggregate(days=days.count(), last_day=days.day.max())
    frame = pairs.order_by("user_id", "item_id").execute()
    age = today - frame["last_day"].astype("int64") + 1
    return frame[["user_id", "item_id"]].assign(days=frame["days"].astype("int64"), age=age)


@dataclass(frozen=True)
class CoPurchase:
    """What a retailer's purchases teach: `similarity` is items x items, the other arrays have one number per item.

    `popularity` is the share of shoppers who buy the item in one horizon, `again` the probability that a buyer buys it
    again in it, and `lift` how that changes with the days of purchase (rows) and the age of the last (columns).
    """

    items: tuple[str, ...]
    similarity: csr_array
    popularity: np.ndarray
    again: np.ndarray
    lift: np.ndarray

    def to_bytes(self) -> bytes:
        """Return the numbers as an .npz that loads without pickle; item ids are stored apart."""
        import numpy as np

        buffer = BytesIO()
        matrix = self.similarity
        np.savez(
            buffer, data=matrix.data, indices=matrix.indices, indptr=matrix.indptr,
            popularity=self.popularity, again=self.again, lift=self.lift,
        )  # fmt: skip
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, items: tuple[str, ...], content: bytes) -> CoPurchase:
        """Load what `to_bytes` wrote."""
        import numpy as np
        from scipy.sparse import csr_array

        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in arrays.files}
        matrix = csr_array((parts["data"], parts["indices"], parts["indptr"]), shape=(len(items), len(items)))
        return cls(items, matrix, parts["popularity"], parts["again"], parts["lift"])


def fit(history: pd.DataFrame, outcome: pd.DataFrame, parameters: Mapping[str, Any]) -> CoPurchase:
    """Fit on purchases up to a day (`history`) and the pairs bought in the horizon after it (`outcome`)."""
    import numpy as np
    import pandas as pd

    pairs = pd.concat([history[["user_id", "item_id"]], outcome[["user_id", "item_id"]]]).drop_duplicates()
    items = top_items(pairs, parameters["most_items"])
    population = max(history["user_id"].nunique(), 1)
    later, before = (_per_item(frame, items) for frame in (outcome, history))
    again, lift = _repurchase(history, outcome, items)
    return CoPurchase(
        items=items,
        similarity=similarity(user_item_matrix(pairs, items), parameters["neighbours"], parameters["shrinkage"]),
        popularity=(later + before / population) / (population + 1.0),
        again=np.asarray(again),
        lift=lift,
    )


def user_item_matrix(pairs: pd.DataFrame, items: tuple[str, ...], weights: np.ndarray | None = None) -> csr_array:
    """Return users (by user_id) x items, 1 or the weight for each pair bought; unknown items are dropped."""
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array

    users, names = pd.factorize(pairs["user_id"], sort=True)
    columns = pd.Index(items, dtype="str").get_indexer(pd.Index(pairs["item_id"], dtype="str"))
    values = np.ones(len(pairs)) if weights is None else np.asarray(weights, dtype=float)
    known = columns >= 0
    matrix = csr_array((values[known], (users[known], columns[known])), shape=(len(names), len(items)))
    matrix.sort_indices()
    return matrix


def similarity(bought: csr_array, neighbours: int, shrinkage: float) -> csr_array:
    """Return items x items: shrunk cosine of their buyers, the `neighbours` strongest of each item, without itself."""
    import numpy as np
    from scipy.sparse import csr_array, vstack

    count = bought.shape[1]
    columns = bought.tocsc()
    sizes = np.diff(columns.indptr).astype(float)
    transposed = columns.T.tocsr()
    blocks = []
    for start in range(0, count, ITEMS_AT_ONCE):
        together = (transposed[start : start + ITEMS_AT_ONCE] @ bought).toarray()
        own = np.arange(start, start + len(together))
        together[np.arange(len(own)), own] = 0.0
        together[together < 2] = 0.0  # one shopper is an anecdote
        cosine = together / np.sqrt(np.maximum(np.outer(sizes[own], sizes), 1.0)) * (together / (together + shrinkage))
        if count > neighbours:
            least = np.partition(cosine, count - neighbours, axis=1)[:, count - neighbours]
            cosine[cosine < least[:, None]] = 0.0
        blocks.append(csr_array(cosine.astype("float32")))
    joined = csr_array(vstack(blocks)) if blocks else csr_array((0, 0), dtype="float32")
    joined.indices, joined.indptr = joined.indices.astype("int32"), joined.indptr.astype("int64")
    return joined


def lift_buckets(history: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column of `CoPurchase.lift` for each purchase of a history."""
    import numpy as np

    return np.searchsorted(TIMES_EDGES, history["days"]), np.searchsorted(AGE_EDGES, history["age"])


def _per_item(pairs: pd.DataFrame, items: tuple[str, ...]) -> np.ndarray:
    counts = pairs.groupby("item_id")["user_id"].nunique()
    return counts.reindex(list(items), fill_value=0).to_numpy(dtype=float)


def _repurchase(history: pd.DataFrame, outcome: pd.DataFrame, items: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    bought = outcome[["user_id", "item_id"]].drop_duplicates().assign(again=1.0)
    pairs = history.merge(bought, on=["user_id", "item_id"], how="left")
    again = pairs["again"].fillna(0.0)
    overall = float(again.mean()) if len(again) else 0.0
    lift = np.ones((len(TIMES_EDGES) + 1, len(AGE_EDGES) + 1))
    if overall == 0.0:
        return np.zeros(len(items)), lift
    per_item = again.groupby(pairs["item_id"]).agg(["sum", "size"]).reindex(list(items), fill_value=0)
    times, ages = lift_buckets(pairs)
    hits, seen = np.zeros_like(lift), np.zeros_like(lift)
    np.add.at(hits, (times, ages), again.to_numpy())
    np.add.at(seen, (times, ages), 1.0)
    prior = PAIR_PRIOR * overall
    rates = (per_item["sum"].to_numpy() + prior) / (per_item["size"].to_numpy() + PAIR_PRIOR)
    return rates, (hits + prior) / (seen + PAIR_PRIOR) / overall
