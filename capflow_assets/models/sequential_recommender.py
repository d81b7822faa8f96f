"""sequential_recommender: the ten items that each shopper buys next, from the order of their past purchases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.recommend import sasrec
from capflow_assets.methods.recommend.co_purchase import (
    item_history,
    items_of_users,
    recent_item_days,
    top_items,
    user_item_matrix,
)
from capflow_assets.methods.recommend.item_names import item_names
from capflow_assets.methods.recommend.matrices import from_bytes, sample_rows, to_bytes
from capflow_assets.methods.recommend.top_k import (
    RankedEntries,
    append_ranked,
    list_ranked,
    strongest_links,
    top_columns,
)
from capflow_assets.methods.visits import last_day_before
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.product_affinity import popular_items

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array


class SequentialRecommender(Model):
    """Predict the next purchases from the order of past ones, by a small transformer.

    It reads the last `length` purchases of a year (one per day and item). It trains on a GPU if there is one; a model
    trained on a GPU serves the same on a CPU. Only the `most_items` with most shoppers are recommended; it is fitted on
    a sample of at most `most_sequences` shoppers.
    """

    name = "sequential_recommender"
    title = "Next products by sequence, top 10"
    description = "The ten items that each shopper is likeliest to buy next, based on the order of past purchases."
    family = "recommendation"
    method = "SASRec: self-attentive sequential recommendation (Kang & McAuley, ICDM 2018) with a sampled softmax"
    task: ClassVar[Task] = "ranking"
    tables = ("line_items",)
    optional_tables = ("items",)
    needs = Needs(users=300, bills=2000, history_days=120, items=20)
    libraries: ClassVar[Mapping[str, str]] = {"torch": "deep", "safetensors": "deep"}
    horizon_days = 30
    metric = "ndcg_at_10"
    baseline_name = "the most popular items of the last 30 days"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {
        "most_items": 5000,
        "most_sequences": 20_000,
        "length": 30,
        "dimensions": 32,
        "blocks": 2,
        "heads": 1,
        "dropout": 0.2,
        "learning_rate": 0.01,
        "steps": 800,
        "negatives": 256,
    }
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "learning_rate": (0.005, 0.01, 0.02),
        "dropout": (0.1, 0.2, 0.4),
        "dimensions": (32, 48),
    }
    tolerance = 1e-4

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `user_id`, `item_id`: what shoppers of the last 365 days bought in the window."""
        users = item_history(snapshot.tables["line_items"], snapshot.as_of)["user_id"].unique()
        return items_of_users(window["line_items"], users)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on the year before the latest snapshot and its outcome.

        Raises ValueError if there is no purchase of a known user, or torch and safetensors are not installed.
        """
        import pandas as pd

        latest = max(train, key=lambda snapshot: snapshot.as_of)
        days = recent_item_days(latest.tables["line_items"], latest.as_of)
        pairs = pd.concat([days[["user_id", "item_id"]], latest.outcome[["user_id", "item_id"]]]).drop_duplicates()
        items = top_items(pairs, parameters["most_items"])
        if days.empty or not items:
            raise NothingToLearnError(
                f"line_items for {latest.customer!r} hold no purchase of a known user in the year before "
                f"{latest.as_of}.\nMap user_id in tables.line_items.columns of the customer's file."
            )
        sequences = _sequences(days, latest, items, parameters["length"])
        chosen = sample_rows(sequences.content(), parameters["most_sequences"])
        sequences = sequences.rows(chosen)
        links = sasrec.followers(sequences, len(items), self.horizon_days)
        listing = {"ids": items, "names": item_names(latest.tables.get("items"), items)}
        shape = {name: parameters[name] for name in ("length", "dimensions", "blocks", "heads", "dropout")}
        network = sasrec.train(sequences, len(items), self.horizon_days, parameters, seed)
        return Artefact(
            files={**network, "followers.npz": to_bytes(links), "items.json": json.dumps(listing).encode()},
            facts={"network": shape, "items": len(items), "sequences": len(chosen)},
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `rank` 1 to 10, `item_id` and `score` (the softmax share of the item) for every shopper.

        Raises ValueError if torch or safetensors is not installed.
        """
        import numpy as np

        listing, network = json.loads(artefact.files["items.json"]), artefact.facts["network"]
        items, names = listing["ids"], listing["names"]
        links, _ = from_bytes(artefact.files["followers.npz"], len(items))
        days = recent_item_days(snapshot.tables["line_items"], snapshot.as_of)
        users = days["user_id"].unique().tolist()
        histories, _ = sasrec.last_of_each(_add_item_numbers(days, items), users, network["length"])
        columns: dict[str, list[Any]] = {"user_id": [], "rank": [], "item_id": [], "score": [], "reasons": []}
        last, first = last_day_before(snapshot.as_of), 0
        times, latest = user_item_matrix(days, tuple(items)), _latest(days, tuple(items))
        for logs in sasrec.scores(artefact.files, histories, len(items), network):
            rows = slice(first, first := first + len(logs))
            shares = np.exp(logs - logs.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            shown = list_ranked(shares, top_columns(shares))
            append_ranked(columns, shown, users[rows], items)
            recent = _recent(histories[rows], len(items))
            ago = last - latest[rows][shown.row, shown.column] + 1
            partners = strongest_links(recent, links, shown.row, shown.column)
            columns["reasons"] += _reasons(shown, times[rows], ago, partners, names)
        return prediction_frame(self, columns)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the same ten items for everybody: those that most shoppers bought in the last 30 days."""
        return popular_items(self, snapshot)


def _add_item_numbers(purchases: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    """Return the purchases of known items with the item's `number`, from 1."""
    import pandas as pd

    number = pd.Index(list(items), dtype="str").get_indexer(pd.Index(purchases["item_id"], dtype="str")) + 1
    return purchases.assign(number=number)[number > 0]


def _sequences(days: pd.DataFrame, latest: LabelledSnapshot, items: Sequence[str], length: int) -> sasrec.Sequences:
    """Return the input sequences and their targets: the same purchases, then those of the outcome."""
    import numpy as np

    users = days["user_id"].unique().tolist()
    bought, when = sasrec.last_of_each(_add_item_numbers(days, items), users, length)
    after = latest.outcome.assign(day=last_day_before(latest.as_of) + 1)
    later, later_when = sasrec.last_of_each(_add_item_numbers(after, items), users, length)
    return sasrec.Sequences(bought, when, np.hstack([bought, later]), np.hstack([when, later_when]))


def _latest(days: pd.DataFrame, items: tuple[str, ...]) -> csr_array:
    """Return shoppers x items: the day of the last purchase."""
    last = days.groupby(["user_id", "item_id"])["day"].max().reset_index()
    return user_item_matrix(last, items, last["day"].to_numpy())


def _recent(histories: np.ndarray, items: int) -> csr_array:
    """Return shoppers x items: 1 if among the last purchases."""
    import numpy as np
    from scipy.sparse import csr_array

    row, place = np.nonzero(histories)
    seen = np.unique(np.column_stack([row, histories[row, place] - 1]), axis=0)
    return csr_array((np.ones(len(seen)), (seen[:, 0], seen[:, 1])), shape=(len(histories), items))


def _reasons(
    shown: RankedEntries, times: csr_array, ago: np.ndarray, partners: np.ndarray, names: Sequence[str]
) -> list[list[str]]:
    """Return how often and when the item was bought before, and after which of the shopper's items others buy it."""
    often = times[shown.row, shown.column].astype(int)
    reasons = []
    for count, days, partner in zip(often.tolist(), ago.astype(int).tolist(), partners.tolist(), strict=True):
        texts = []
        if count:
            texts.append(f"bought on {count} day{'s' if count > 1 else ''}, the last {days} days ago")
        if partner >= 0:
            texts.append(f"often bought after {names[partner]}, which this shopper bought")
        reasons.append(texts or ["fits the order of this shopper's last purchases"])
    return reasons
