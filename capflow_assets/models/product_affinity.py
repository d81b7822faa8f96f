"""product_affinity: the ten items that each shopper is likeliest to buy in the next 30 days."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.recommend.co_purchase import (
    CoPurchase,
    fit,
    item_history,
    items_of_users,
    lift_buckets,
    user_item_matrix,
)
from capflow_assets.methods.recommend.item_names import item_names
from capflow_assets.methods.recommend.matrices import row_blocks
from capflow_assets.methods.recommend.top_k import TOP, ndcg, strongest_links, top_columns
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

CELLS_AT_ONCE = 2_000_000  # users x items held in memory while scoring: 16 MB an array
HALF_LIFE_DAYS = 120.0  # of the weight of a purchase in what else a shopper likes
TUNING_USERS = 1_000
REPURCHASE_WEIGHTS = (0.0, 0.3, 1.0, 2.0)
TOGETHER_WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0)
USUAL_WEIGHTS = (1.0, 0.3)


@dataclass(frozen=True)
class AffinityScores:
    """Scores of a block of shoppers, users x items: `own` repurchase, and co-purchase (`together`)."""

    users: list[str]
    history: pd.DataFrame
    own: np.ndarray
    together: np.ndarray

    def scores(self, shop: CoPurchase, weights: Sequence[float]) -> np.ndarray:
        """Return the weighted sum of both plus popularity; earlier items win ties."""
        import numpy as np

        tie_break = 1e-12 * np.arange(len(shop.items), 0, -1)
        return weights[0] * self.own + weights[1] * self.together + (shop.popularity + tie_break)


class ProductAffinity(Model):
    """Rank ten items per shopper by own repurchase, co-purchase and popularity.

    The weights are tuned on the latest training snapshot with a fit on the one before. Only the `most_items` with most
    shoppers are recommended.
    """

    name = "product_affinity"
    title = "Next products, top 10"
    description = "The ten items that each shopper is likeliest to buy in the next 30 days, with the reason for each."
    family = "recommendation"
    method = "item co-occurrence (Sarwar et al. 2001; shrunk as in Bell & Koren 2007), own repurchases and popularity"
    task: ClassVar[Task] = "ranking"
    tables = ("line_items",)
    optional_tables = ("items",)
    needs = Needs(users=100, bills=500, history_days=120, items=3)
    horizon_days = 30
    metric = "ndcg_at_10"
    baseline_name = "the most popular items of the last 30 days"
    has_rule = True
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"most_items": 5000, "neighbours": 50, "shrinkage": 10.0}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {"neighbours": (20, 50, 100), "shrinkage": (3.0, 10.0, 30.0)}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `user_id`, `item_id`: what shoppers of the last 365 days bought in the window."""
        users = item_history(snapshot.tables["line_items"], snapshot.as_of)["user_id"].unique()
        return items_of_users(window["line_items"], users)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on the latest snapshot; tune the weights by a fit on the one before."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        latest = ordered[-1]
        weights = USUAL_WEIGHTS
        if len(ordered) > 1:
            weights = _best_weights(_learn(ordered[-2], parameters), latest)
        shop = _learn(latest, parameters)
        if not shop.items:
            raise NothingToLearnError(
                f"line_items for {latest.customer!r} hold no purchase of a known user in the year before "
                f"{latest.as_of}.\nMap user_id in tables.line_items.columns of the customer's file."
            )
        listing = {"ids": list(shop.items), "names": item_names(latest.tables.get("items"), shop.items)}
        return Artefact(
            files={"shop.npz": shop.to_bytes(), "items.json": json.dumps(listing).encode()},
            facts={"weights": {"repurchase": weights[0], "together": weights[1]}, "items": len(shop.items)},
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `rank` 1 to 10, `item_id` and `score` for every shopper of the last 365 days."""
        import numpy as np

        listing = json.loads(artefact.files["items.json"])
        shop = CoPurchase.from_bytes(tuple(listing["ids"]), artefact.files["shop.npz"])
        weights = (artefact.facts["weights"]["repurchase"], artefact.facts["weights"]["together"])
        columns: dict[str, list[Any]] = {"user_id": [], "rank": [], "item_id": [], "score": [], "reasons": []}
        history = item_history(snapshot.tables["line_items"], snapshot.as_of)
        for chunk in _chunks(shop, history):
            scores = chunk.scores(shop, weights)
            best = top_columns(scores)
            columns["user_id"] += [user for user in chunk.users for _ in range(best.shape[1])]
            columns["rank"] += list(range(1, best.shape[1] + 1)) * len(chunk.users)
            columns["item_id"] += [shop.items[item] for item in best.ravel().tolist()]
            columns["score"] += np.take_along_axis(scores, best, axis=1).ravel().tolist()
            columns["reasons"] += _reasons(shop, chunk, best, weights, listing["names"])
        return prediction_frame(self, columns)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the same ten items for everybody: those that most shoppers bought in the last 30 days."""
        return popular_items(self, snapshot)


def popular_items(model: Model, snapshot: Snapshot) -> pd.DataFrame:
    """Return the ten items that most shoppers bought within the last horizon, as a prediction of `model`."""
    history = item_history(snapshot.tables["line_items"], snapshot.as_of)
    recent = history[history["age"] <= model.horizon_days]
    buyers = recent.groupby("item_id")["user_id"].nunique().reset_index(name="buyers")
    best = buyers.sort_values(["buyers", "item_id"], ascending=[False, True]).head(TOP)
    users = history["user_id"].unique().tolist()
    return prediction_frame(
        model,
        {
            "user_id": [user for user in users for _ in range(len(best))],
            "rank": list(range(1, len(best) + 1)) * len(users),
            "item_id": best["item_id"].tolist() * len(users),
            "score": best["buyers"].astype(float).tolist() * len(users),
        },
    )


def _learn(snapshot: LabelledSnapshot, parameters: Mapping[str, Any]) -> CoPurchase:
    return fit(item_history(snapshot.tables["line_items"], snapshot.as_of), snapshot.outcome, parameters)


def _chunks(shop: CoPurchase, history: pd.DataFrame) -> Iterator[AffinityScores]:
    import numpy as np

    starts = np.flatnonzero(~history["user_id"].duplicated())
    users = history["user_id"].iloc[starts].tolist()
    for block in row_blocks(len(users), len(shop.items), CELLS_AT_ONCE):
        end = starts[block.stop] if block.stop < len(users) else len(history)
        yield _chunk(shop, users[block], history.iloc[starts[block.start] : end])


def _chunk(shop: CoPurchase, users: list[str], history: pd.DataFrame) -> AffinityScores:
    """Return the probability of buying each item again, and its mean similarity to what the shopper bought."""
    import numpy as np

    times, ages = lift_buckets(history)
    own = user_item_matrix(history, shop.items, shop.lift[times, ages]).toarray() * shop.again
    bought = user_item_matrix(history, shop.items, _recency_weight(history))
    total = np.maximum(np.asarray(bought.sum(axis=1)).reshape(-1, 1), 1e-12)
    return AffinityScores(users, history, np.minimum(own, 1.0), (bought @ shop.similarity).toarray() / total)


def _recency_weight(history: pd.DataFrame) -> np.ndarray:
    """Return the weight of each purchase, halved every 120 days."""
    import numpy as np

    return np.asarray(np.exp2(-history["age"].to_numpy(dtype=float) / HALF_LIFE_DAYS))


def _best_weights(shop: CoPurchase, latest: LabelledSnapshot) -> tuple[float, float]:
    """Return the weights with the best NDCG@10 of `shop` on the latest snapshot's purchases."""
    import numpy as np

    history = item_history(latest.tables["line_items"], latest.as_of)
    buyers = sorted(latest.outcome["user_id"].unique())
    sample = buyers[:: max(1, -(-len(buyers) // TUNING_USERS))]
    history = history[history["user_id"].isin(sample)].reset_index(drop=True)
    if history.empty or not shop.items:
        return USUAL_WEIGHTS
    grid = list(product(REPURCHASE_WEIGHTS, TOGETHER_WEIGHTS))
    gains = np.zeros(len(grid))
    for chunk in _chunks(shop, history):
        wanted = latest.outcome[latest.outcome["user_id"].isin(chunk.users)]
        relevant = user_item_matrix(wanted, shop.items)
        bought = wanted.groupby("user_id").size().sort_index().to_numpy()
        for number, weights in enumerate(grid):
            gains[number] += float(ndcg(top_columns(chunk.scores(shop, weights)), relevant, bought).sum())
    return grid[int(np.argmax(gains))]


def _reasons(
    shop: CoPurchase, chunk: AffinityScores, best: np.ndarray, weights: Sequence[float], names: Sequence[str]
) -> list[list[str]]:
    """Return why each item is recommended: bought before, bought with something, or popular; strongest first."""
    import numpy as np

    own, together = weights[0] * chunk.own, weights[1] * chunk.together
    days = user_item_matrix(chunk.history, shop.items, chunk.history["days"].to_numpy()).toarray()
    rows = np.repeat(np.arange(len(best)), best.shape[1])
    bought = user_item_matrix(chunk.history, shop.items, _recency_weight(chunk.history))
    partners = strongest_links(bought, shop.similarity, rows, best.ravel())
    reasons = []
    for row, item, partner in zip(rows.tolist(), best.ravel().tolist(), partners.tolist(), strict=True):
        parts = [(float(shop.popularity[item]), "popular here")]
        if days[row, item] and own[row, item] > 0:
            times = int(days[row, item])
            parts.append((float(own[row, item]), f"bought {'once' if times == 1 else f'{times} times'} before"))
        if partner >= 0 and together[row, item] > 0:
            goes_with = f"often bought with {names[partner]}, which this shopper bought"
            parts.append((float(together[row, item]), goes_with))
        parts.sort(key=lambda part: -part[0])
        reasons.append([text for strength, text in parts if strength >= 0.2 * parts[0][0]])
    return reasons
