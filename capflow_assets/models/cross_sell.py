"""cross_sell: the ten categories that each shopper has never bought from and is likeliest to start with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.recommend import ease
from capflow_assets.methods.recommend.co_purchase import item_days, top_items, user_item_matrix
from capflow_assets.methods.recommend.matrices import row_blocks
from capflow_assets.methods.recommend.top_k import append_ranked, list_ranked, ndcg, strongest_links, top_columns
from capflow_assets.methods.visits import YEAR_DAYS, last_day_before
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array

CELLS_AT_ONCE = 2_000_000  # shoppers x categories held in memory while scoring: 16 MB an array
POPULAR_WEIGHTS = (1e-6, 0.1, 0.3, 1.0, 3.0, 10.0)
USUAL_WEIGHT = 1.0


@dataclass(frozen=True)
class Aisles:
    """The fitted model: `weights` by EASE (categories x categories), `started`: rate of new shoppers by category."""

    names: list[str]
    weights: np.ndarray
    started: np.ndarray
    popular: float = USUAL_WEIGHT

    def score(self, bought: csr_array) -> np.ndarray:
        """Return scores, shoppers x categories; -inf where the shopper has bought from the category."""
        import numpy as np

        scores = bought @ self.weights + self.popular * self.started
        scores[bought.nonzero()] = -np.inf
        return np.asarray(scores)


class CrossSell(Model):
    """Rank up to ten categories new to the shopper, by what goes with the categories bought so far.

    EASE on shoppers x categories, plus a popularity term (the rate at which shoppers start with a category) whose
    weight is tuned on the latest training snapshot. Only the `most_categories` with most shoppers are recommended.
    """

    name = "cross_sell"
    title = "New categories, top 10"
    description = "The categories that each shopper has not bought from in a year and is likeliest to start with."
    family = "recommendation"
    method = "EASE^R, a closed-form linear autoencoder (Steck, WWW 2019), with the share of new shoppers"
    task: ClassVar[Task] = "ranking"
    ranked = "category"
    tables = ("line_items", "items")
    needs = Needs(users=200, bills=1000, history_days=120, items=20)
    horizon_days = 30
    metric = "ndcg_at_10"
    baseline_name = "the most popular categories not bought from yet"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"most_categories": 2000, "regularisation": 100.0}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {"regularisation": (20.0, 100.0, 500.0)}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `user_id`, `category`: first purchases in a category by shoppers of the last 365 days."""
        past = _history(snapshot)
        later = _purchases(window["line_items"], window["items"])
        pairs = later[later["user_id"].isin(past["user_id"].unique())].merge(past, how="left", indicator=True)
        return pairs.loc[pairs["_merge"] == "left_only", ["user_id", "category"]].dropna().reset_index(drop=True)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on the latest snapshot; tune the weight of popularity by a fit on the one before it."""
        import numpy as np

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        latest = ordered[-1]
        popular = USUAL_WEIGHT
        if len(ordered) > 1:
            popular = _best_weight(_learn(ordered[-2], parameters), latest)
        aisles = _learn(latest, parameters)
        if not aisles.names:
            raise NothingToLearnError(
                f"line_items for {latest.customer!r} hold no purchase from a known category in the year before "
                f"{latest.as_of}.\nMap category in tables.items.columns of the customer's file."
            )
        buffer = BytesIO()
        np.savez(buffer, weights=aisles.weights, started=aisles.started)
        return Artefact(
            files={"ease.npz": buffer.getvalue(), "categories.json": json.dumps(aisles.names).encode()},
            facts={"popular": popular, "categories": len(aisles.names)},
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `rank` from 1, `category`, `score` for every shopper of the last 365 days with a category left."""
        import numpy as np

        with np.load(BytesIO(artefact.files["ease.npz"]), allow_pickle=False) as arrays:
            weights, started = arrays["weights"].astype(float), arrays["started"]
        names = json.loads(artefact.files["categories.json"])
        aisles = Aisles(names, weights, started, artefact.facts["popular"])
        columns: dict[str, list[Any]] = {"user_id": [], "rank": [], "category": [], "score": [], "reasons": []}
        for users, bought in _chunks(names, _history(snapshot)):
            scores = aisles.score(bought)
            shown = list_ranked(scores, top_columns(scores))
            append_ranked(columns, shown, users, names, ranked=self.ranked)
            columns["reasons"] += _reasons(aisles, bought, shown.row, shown.column)
        return prediction_frame(self, columns)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Rank the categories with most shoppers in the last 365 days, without those that the shopper bought from."""
        import numpy as np

        history = _history(snapshot)
        names = _by_popularity(history)
        popularity = history.groupby("category")["user_id"].size().reindex(names).to_numpy(dtype=float)
        columns: dict[str, list[Any]] = {"user_id": [], "rank": [], "category": [], "score": []}
        for users, bought in _chunks(names, history):
            scores = np.tile(popularity, (len(users), 1))
            scores[bought.nonzero()] = -np.inf
            shown = list_ranked(scores, top_columns(scores))
            append_ranked(columns, shown, users, names, ranked=self.ranked)
        return prediction_frame(self, columns)


def _purchases(line_items: ibis.Table, items: ibis.Table, after_day: int | None = None) -> pd.DataFrame:
    """Return `user_id`, `category`, one row per pair, sorted; `category` is null for items without one."""
    days = item_days(line_items)
    if after_day is not None:
        days = days.filter(days.day > after_day)
    named = items.group_by("item_id").aggregate(category=items.category.strip().nullif("").min())
    bought = days.select("user_id", "item_id").distinct().left_join(named, "item_id")
    return bought.select("user_id", "category").distinct().order_by("user_id", "category").execute()


def _history(snapshot: Snapshot) -> pd.DataFrame:
    tables = snapshot.tables
    return _purchases(tables["line_items"], tables["items"], last_day_before(snapshot.as_of) - YEAR_DAYS)


def _by_popularity(pairs: pd.DataFrame) -> list[str]:
    """Return the categories, those with most shoppers first."""
    known = pairs.dropna().rename(columns={"category": "item_id"})
    return list(top_items(known, len(known)))


def _learn(snapshot: LabelledSnapshot, parameters: Mapping[str, Any]) -> Aisles:
    import numpy as np
    import pandas as pd

    history, later = _history(snapshot), snapshot.outcome[["user_id", "category"]]
    pairs = pd.concat([history.dropna(), later]).drop_duplicates()
    names = _by_popularity(pairs)[: parameters["most_categories"]]
    if not names:
        return Aisles([], np.zeros((0, 0), dtype="float32"), np.zeros(0))
    known, started = (
        part.groupby("category")["user_id"].size().reindex(names, fill_value=0) for part in (pairs, later)
    )
    everybody = history["user_id"].nunique()
    # The share of shoppers new to it who started; past buyers say a little where nobody started.
    share = (started + known / everybody) / (everybody - known + started + 1.0)
    weights = ease.fit_weights(_matrix(pairs, names), parameters["regularisation"]).astype("float32")
    return Aisles(names, weights, share.to_numpy(dtype=float))


def _matrix(pairs: pd.DataFrame, names: Sequence[str]) -> csr_array:
    return user_item_matrix(pairs.rename(columns={"category": "item_id"}), tuple(names))


def _chunks(names: Sequence[str], history: pd.DataFrame) -> Iterator[tuple[list[str], csr_array]]:
    """Yield shoppers and shoppers x categories (1 if bought), a block at a time."""
    users = history["user_id"].unique().tolist()
    matrix = _matrix(history, names)
    for block in row_blocks(len(users), len(names), CELLS_AT_ONCE):
        yield users[block], matrix[block]


def _best_weight(aisles: Aisles, latest: LabelledSnapshot) -> float:
    """Return the weight of popularity with the best NDCG of `aisles` on the latest snapshot."""
    import numpy as np

    if not aisles.names or latest.outcome.empty:
        return USUAL_WEIGHT
    history = _history(latest)
    users = history["user_id"].unique()
    wanted = latest.outcome.groupby("user_id").size().reindex(users, fill_value=0).to_numpy()
    nothing = history.drop_duplicates("user_id").assign(category=None)  # so that both have the same shoppers
    relevant = _matrix(latest.outcome.merge(nothing[["user_id"]], how="right").fillna({"category": ""}), aisles.names)
    gains = np.zeros(len(POPULAR_WEIGHTS))
    first = 0
    for some, bought in _chunks(aisles.names, history):
        rows = slice(first, first := first + len(some))
        for number, weight in enumerate(POPULAR_WEIGHTS):
            scores = Aisles(aisles.names, aisles.weights.astype(float), aisles.started, weight).score(bought)
            gains[number] += float(ndcg(top_columns(scores), relevant[rows], wanted[rows]).sum())
    return POPULAR_WEIGHTS[int(np.argmax(gains))]


def _reasons(aisles: Aisles, bought: csr_array, row: np.ndarray, column: np.ndarray) -> list[list[str]]:
    """Return the bought category with the highest weight for the new one, and the share of shoppers who start."""
    from scipy.sparse import csr_array

    partners = strongest_links(bought, csr_array(aisles.weights), row, column)
    often = [f"{share:.1%} of shoppers new to it start within 30 days" for share in aisles.started.tolist()]
    goes_with = [f"goes with {name}, which this shopper buys" for name in aisles.names]
    return [
        [goes_with[partner], often[new]] if partner >= 0 else [often[new]]
        for partner, new in zip(partners.tolist(), column.tolist(), strict=True)
    ]
