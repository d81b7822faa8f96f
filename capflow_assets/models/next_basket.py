"""next_basket: the ten items that each shopper will buy in the next 30 days, by what they buy regularly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.recommend import tifu_knn
from capflow_assets.methods.recommend.co_purchase import items_of_users, recent_item_days, top_items, user_item_matrix
from capflow_assets.methods.recommend.matrices import from_bytes, row_blocks, sample_rows, to_bytes
from capflow_assets.methods.recommend.top_k import RankedEntries, append_ranked, list_ranked, ndcg, top_columns
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array

CELLS_AT_ONCE = 4_000_000  # shoppers x items held in memory while scoring: 32 MB an array
TUNING_SHOPPERS = 2_000
OWN_WEIGHTS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
USUAL_WEIGHT = 0.8
NO_DECAY = {"group": 1_000_000, "within": 1.0, "between": 1.0}  # all baskets of a year count alike
SLOW_DECAY = {"group": 7, "within": 1.0, "between": 0.9}
POPULAR_WEIGHT = 1e-6  # popularity only breaks ties
REASON_SHARE = 0.3  # of an item's score, from which on a source is given as a reason


@dataclass(frozen=True)
class Regulars:
    """The fitted model: items, their popularity (0 to 1), and the vectors of the `stored` shoppers (neighbours)."""

    items: tuple[str, ...]
    popularity: np.ndarray
    stored: csr_array


@dataclass(frozen=True)
class BasketScores:
    """Scores of a block of shoppers, shoppers x items: own frequency, and that of the nearest neighbours."""

    users: list[str]
    own: np.ndarray
    alike: np.ndarray

    def scores(self, own_weight: float, popularity: np.ndarray) -> np.ndarray:
        """Return the weighted sum of both, with popularity as tie-breaker."""
        return own_weight * self.own + (1.0 - own_weight) * self.alike + POPULAR_WEIGHT * popularity


class NextBasket(Model):
    """Rank ten items per shopper by their own item frequency with decay, and that of their nearest neighbours.

    A basket is what a shopper bought on one day of the last 365. The weight of the own frequency and the decay of old
    baskets (by `group`, `within` and `between`, slow, or none) are tuned on the latest training snapshot. Up to
    `stored_shoppers` shoppers with at least two baskets are kept in the artefact, without ids. Only the `most_items`
    with most shoppers are recommended.
    """

    name = "next_basket"
    title = "Next basket, top 10"
    description = (
        "The ten items that each shopper is likeliest to buy in the next 30 days, based on what they buy regularly."
    )
    family = "recommendation"
    method = "TIFU-KNN: temporal item frequency with k nearest shoppers (Hu, He, Gao & Zhang, SIGIR 2020)"
    task: ClassVar[Task] = "ranking"
    tables = ("line_items",)
    needs = Needs(users=100, bills=500, history_days=120, items=10)
    horizon_days = 30
    metric = "ndcg_at_10"
    baseline_name = "the shopper's most frequent items, then the most popular ones"
    has_rule = True
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {
        "most_items": 5000,
        "stored_shoppers": 2000,
        "neighbours": 100,
        "group": 7,
        "within": 0.9,
        "between": 0.7,
    }
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "neighbours": (50, 100, 300),
        "group": (3, 7, 11),
        "within": (0.7, 0.9, 1.0),
        "between": (0.5, 0.7, 0.9),
    }

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `user_id`, `item_id`: what shoppers of the last 365 days bought in the window."""
        return items_of_users(window["line_items"], _days(snapshot)["user_id"].unique())

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on the latest snapshot; tune the weight of own frequency and the decay by a fit on the one before."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        latest = ordered[-1]
        own_weight, chosen = USUAL_WEIGHT, dict(parameters)
        if len(ordered) > 1:
            attempts = [{**parameters, **decay} for decay in ({}, SLOW_DECAY, NO_DECAY)]
            each = [_best_weight(_learn(ordered[-2], one), latest, one) for one in attempts]
            best = max(range(len(attempts)), key=lambda number: each[number][0])
            own_weight, chosen = each[best][1], attempts[best]
        regulars = _learn(latest, chosen)
        if not regulars.items:
            raise NothingToLearnError(
                f"line_items for {latest.customer!r} hold no purchase of a known user in the year before "
                f"{latest.as_of}.\nMap user_id in tables.line_items.columns of the customer's file."
            )
        asked = {name: chosen[name] for name in ("neighbours", "group", "within", "between")}
        return Artefact(
            files={
                "regulars.npz": to_bytes(regulars.stored, popularity=regulars.popularity),
                "items.json": json.dumps(regulars.items).encode(),
            },
            facts={**asked, "own_weight": own_weight, "stored": int(regulars.stored.shape[0])},
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `rank` 1 to 10, `item_id` and `score` for every shopper of the last 365 days."""
        items = tuple(json.loads(artefact.files["items.json"]))
        stored, others = from_bytes(artefact.files["regulars.npz"], len(items))
        regulars = Regulars(items, others["popularity"], stored)
        days, weight = _days(snapshot), artefact.facts["own_weight"]
        columns: dict[str, list[Any]] = {"user_id": [], "rank": [], "item_id": [], "score": [], "reasons": []}
        for chunk in _chunks(regulars, days, artefact.facts):
            scores = chunk.scores(weight, regulars.popularity)
            shown = list_ranked(scores, top_columns(scores))
            append_ranked(columns, shown, chunk.users, regulars.items)
            columns["reasons"] += _reasons(regulars, chunk, shown, weight, days)
        return prediction_frame(self, columns)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Rank the items that the shopper bought on most days (P-TopFreq), then those bought on most days by all."""
        days = _days(snapshot)
        items = top_items(days[["user_id", "item_id"]].drop_duplicates(), self.parameters["most_items"])
        popularity = _popularity(days, items)
        columns: dict[str, list[Any]] = {"user_id": [], "rank": [], "item_id": [], "score": []}
        own = user_item_matrix(days, items)
        users = days["user_id"].unique().tolist()
        for block in row_blocks(len(users), len(items), CELLS_AT_ONCE):
            scores = own[block].toarray() + 0.5 * popularity
            append_ranked(columns, list_ranked(scores, top_columns(scores)), users[block], items)
        return prediction_frame(self, columns)


def _days(snapshot: Snapshot) -> pd.DataFrame:
    return recent_item_days(snapshot.tables["line_items"], snapshot.as_of)


def _popularity(pairs: pd.DataFrame, items: tuple[str, ...]) -> np.ndarray:
    """Return how often each item was bought relative to the most popular one; earlier items win ties."""
    import numpy as np

    counts = pairs.groupby("item_id").size().reindex(list(items), fill_value=0).to_numpy(dtype=float)
    return np.asarray(counts / max(counts.max(initial=0.0), 1.0) - 1e-9 * np.arange(len(items)))


def _learn(snapshot: LabelledSnapshot, parameters: Mapping[str, Any]) -> Regulars:
    import pandas as pd

    days = _days(snapshot)
    pairs = pd.concat([days[["user_id", "item_id"]], snapshot.outcome[["user_id", "item_id"]]]).drop_duplicates()
    items = top_items(pairs, parameters["most_items"])
    vectors = tifu_knn.frequencies(days, items, parameters)
    baskets = days.groupby("user_id")["day"].nunique().to_numpy()
    stored = tifu_knn.sample_vectors(vectors, baskets, parameters["stored_shoppers"])
    return Regulars(items, _popularity(snapshot.outcome, items), stored)


def _chunks(regulars: Regulars, days: pd.DataFrame, parameters: Mapping[str, Any]) -> Iterator[BasketScores]:
    vectors = tifu_knn.frequencies(days, regulars.items, parameters)
    users = days["user_id"].unique().tolist()
    for block in row_blocks(len(users), max(len(regulars.items), regulars.stored.shape[0]), CELLS_AT_ONCE):
        own = vectors[block]
        alike = tifu_knn.neighbourhood(own, regulars.stored, parameters["neighbours"])
        yield BasketScores(users[block], own.toarray(), alike.toarray())


def _best_weight(regulars: Regulars, latest: LabelledSnapshot, parameters: Mapping[str, Any]) -> tuple[float, float]:
    """Return the best NDCG of `regulars` on the latest snapshot's purchases, and the weight that gives it."""
    import numpy as np
    from scipy.sparse import csr_array, hstack

    days = _days(latest)
    days = days[days["user_id"].isin(latest.outcome["user_id"])].reset_index(drop=True)
    if days.empty or not regulars.items:
        return 0.0, USUAL_WEIGHT
    relevant = user_item_matrix(latest.outcome, regulars.items)  # the same shoppers in the same order
    wanted = latest.outcome.groupby("user_id").size().to_numpy()
    some = np.sort(sample_rows(csr_array(hstack([user_item_matrix(days, regulars.items), relevant])), TUNING_SHOPPERS))
    relevant, wanted = relevant[some], wanted[some]
    days = days[days["user_id"].isin(days["user_id"].unique()[some])]
    gains, first = np.zeros(len(OWN_WEIGHTS)), 0
    for chunk in _chunks(regulars, days, parameters):
        rows = slice(first, first := first + len(chunk.users))
        for number, weight in enumerate(OWN_WEIGHTS):
            best = top_columns(chunk.scores(weight, regulars.popularity))
            gains[number] += float(ndcg(best, relevant[rows], wanted[rows]).sum())
    return float(gains.max()), OWN_WEIGHTS[int(np.argmax(gains))]


def _reasons(
    regulars: Regulars, chunk: BasketScores, shown: RankedEntries, own_weight: float, days: pd.DataFrame
) -> list[list[str]]:
    """Return on how many shopping days the item was bought, and whether similar shoppers or everybody buys it."""
    import numpy as np

    mine = days[days["user_id"].isin(chunk.users)]
    times = user_item_matrix(mine, regulars.items)[shown.row, shown.column].astype(int)
    visits = mine.groupby("user_id")["day"].nunique().to_numpy()[shown.row]
    own = own_weight * chunk.own[shown.row, shown.column]
    alike = (1.0 - own_weight) * chunk.alike[shown.row, shown.column]
    telling = REASON_SHARE * np.maximum(shown.score, 1e-300)
    reasons = []
    for count, seen, own_counts, alike_counts in zip(
        times.tolist(), visits.tolist(), (own > 0).tolist(), (alike > telling).tolist(), strict=True
    ):
        texts = [f"bought on {count} of {seen} shopping days"] if own_counts else []
        texts += ["shoppers with similar baskets buy it"] if alike_counts else []
        reasons.append(texts or ["popular here"])
    return reasons
