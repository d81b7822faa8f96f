"""similar_items: the ten items most like each item, by description and by who buys both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.features.purchases import is_item_sale
from capflow_assets.features.visits import day_number
from capflow_assets.methods.recommend.co_purchase import (
    item_days,
    item_history,
    similarity,
    top_items,
    user_item_matrix,
)
from capflow_assets.methods.recommend.matrices import entries, from_bytes, row_blocks, to_bytes
from capflow_assets.methods.recommend.shared_words import SharedWords
from capflow_assets.methods.recommend.top_k import TOP, RankedEntries, append_ranked, list_ranked, ndcg, top_columns
from capflow_assets.methods.visits import YEAR_DAYS, last_day_before
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_array

VECTORS = "features/item_text"
CELLS_AT_ONCE = 4_000_000  # items x candidates held in memory while scoring: 32 MB an array
FEWEST_BUYERS = 2  # of an item in the window, for it to be in the outcome
OUTCOME_SHRINKAGE = 2.0
TEXT_WEIGHTS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
USUAL_WEIGHT = 0.2
POPULAR_WEIGHT = 1e-6  # popularity only breaks ties
ALIKE = 0.3  # the least cosine of two descriptions that are called similar


@dataclass(frozen=True)
class Shelf:
    """The items sold in a year, best-selling first, with text vectors and co-purchase (`together`, items x items)."""

    items: tuple[str, ...]
    popularity: np.ndarray
    vectors: np.ndarray
    together: csr_array

    def chunks(self, weight: float, most: int, rows: np.ndarray | None = None) -> Iterator[ItemScores]:
        """Yield scores of each item (or of `rows`) against the `most` best-selling candidates, itself excluded."""
        import numpy as np

        units = np.arange(len(self.items)) if rows is None else rows
        candidates = self.vectors[:most]
        columns = self.together.tocsc()[:, : len(candidates)].tocsr()
        for block in row_blocks(len(units), len(candidates), CELLS_AT_ONCE):
            some = units[block]
            # To 6 places: beyond them a product of matrices depends on its shape.
            text = np.round(np.maximum(self.vectors[some] @ candidates.T, 0.0).astype(float), 6)
            together = columns[some].toarray()
            scores = weight * text + (1.0 - weight) * together + POPULAR_WEIGHT * self.popularity[: len(candidates)]
            own = np.flatnonzero(some < len(candidates))
            scores[own, some[own]] = -np.inf
            yield ItemScores(some, text, together, scores)


@dataclass(frozen=True)
class ItemScores:
    """Scores of a block of items, items x candidates: by text, by co-purchase, and the weighted sum."""

    rows: np.ndarray
    text: np.ndarray
    together: np.ndarray
    scores: np.ndarray


class SimilarItems(Model):
    """Rank similar items by the cosine of their text embeddings, blended with co-purchase.

    The weight of the text is tuned on the latest training snapshot; a new item has only its text. Candidates are the
    `most_candidates` best-selling items of the last 365 days.
    """

    name = "similar_items"
    title = "Similar items, top 10"
    description = (
        "The ten items most like each item, by description and by who buys both, to show beside it or instead."
    )
    family = "recommendation"
    method = "cosine of text embeddings, blended with item co-occurrence (Sarwar et al. 2001; Bell & Koren 2007)"
    task: ClassVar[Task] = "ranking"
    unit = ("item_id",)
    ranked = "similar_item_id"
    tables = ("line_items", "items")
    features = ("item_text",)
    needs = Needs(users=100, bills=500, history_days=120, items=20, described_share=0.3)
    horizon_days = 30
    metric = "ndcg_at_10"
    baseline_name = "the best-selling items of the same category"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {
        "most_items": 5000,
        "most_candidates": 20_000,
        "neighbours": 50,
        "shrinkage": 10.0,
    }
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {"neighbours": (20, 50, 100), "shrinkage": (3.0, 10.0, 30.0)}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `item_id`, `similar_item_id`: up to ten items that are co-purchased most with it in the window.

        Both were sold in the 365 days before, and at least two shoppers bought both in the window; co-purchase is
        the shrunk cosine of their shopper sets.
        """
        import numpy as np
        import pandas as pd

        days = item_days(window["line_items"])
        pairs = days.select("user_id", "item_id").distinct().order_by("user_id", "item_id").execute()
        pairs = pairs[pairs["item_id"].isin(_sold_items(snapshot)["item_id"])]
        buyers = pairs.groupby("item_id")["user_id"].size()
        items = tuple(buyers.index[buyers >= FEWEST_BUYERS].astype(str))
        strength = similarity(user_item_matrix(pairs, items), TOP, OUTCOME_SHRINKAGE)
        row, column, value = entries(strength)
        order = np.lexsort([column, -np.round(value, 6), row])
        place = np.arange(len(row)) - np.searchsorted(row, row)  # of the ordered rows, which are sorted already
        kept = order[place < TOP]
        names = np.array(items, dtype=object)
        return pd.DataFrame({"item_id": names[row[kept]], "similar_item_id": names[column[kept]]}, dtype="str")

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit co-purchase on the latest snapshot; tune the weight of texts by a fit on the one before."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        latest = ordered[-1]
        weight = USUAL_WEIGHT
        if len(ordered) > 1:
            shelf = _shelf(latest, *_learn(ordered[-2], parameters))
            weight = _best_weight(shelf, latest, parameters["most_candidates"])
        items, together = _learn(latest, parameters)
        if not items:
            raise NothingToLearnError(
                f"line_items for {latest.customer!r} hold no purchase of a known user in the year before "
                f"{latest.as_of}.\nMap user_id in tables.line_items.columns of the customer's file."
            )
        return Artefact(
            files={"together.npz": to_bytes(together), "items.json": json.dumps(items).encode()},
            facts={"text_weight": weight, "items": len(items), "most_candidates": parameters["most_candidates"]},
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `rank` from 1, `similar_item_id` and `score` for every item sold in the last 365 days."""
        items = tuple(json.loads(artefact.files["items.json"]))
        together, _ = from_bytes(artefact.files["together.npz"], len(items))
        shelf = _shelf(snapshot, items, together)
        weight, words = artefact.facts["text_weight"], _words(snapshot, shelf.items)
        columns: dict[str, list[Any]] = {"item_id": [], "rank": [], "similar_item_id": [], "score": [], "reasons": []}
        for chunk in shelf.chunks(weight, artefact.facts["most_candidates"]):
            shown = list_ranked(chunk.scores, top_columns(chunk.scores))
            _append(columns, shelf.items, chunk.rows, shown)
            columns["reasons"] += _reasons(words, chunk, shown, weight)
        return prediction_frame(self, columns)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Rank the best-selling items of the item's category, then the best-selling of all."""
        import numpy as np
        import pandas as pd

        sold = _sold_items(snapshot).head(self.parameters["most_candidates"])
        table = snapshot.tables["items"]
        named = table.group_by("item_id").aggregate(category=table.category.strip().nullif("").min()).execute()
        categories = sold["item_id"].map(named.set_index("item_id")["category"])
        codes = pd.factorize(categories)[0]
        popularity = _popularity(sold)
        columns: dict[str, list[Any]] = {"item_id": [], "rank": [], "similar_item_id": [], "score": []}
        names = sold["item_id"].tolist()
        for block in row_blocks(len(names), len(sold), CELLS_AT_ONCE):
            rows = np.arange(block.start, block.stop)
            scores = 2.0 * ((codes[rows, None] == codes) & (codes[rows, None] >= 0)) + popularity
            scores[np.arange(len(rows)), rows] = -np.inf
            _append(columns, names, rows, list_ranked(scores, top_columns(scores)))
        return prediction_frame(self, columns)


def _append(columns: dict[str, list[Any]], items: Sequence[str], rows: np.ndarray, shown: RankedEntries) -> None:
    append_ranked(columns, shown, [items[row] for row in rows.tolist()], items, "item_id", SimilarItems.ranked)


def _sold_items(snapshot: Snapshot) -> pd.DataFrame:
    """Return `item_id`, `bills`: items sold in the last 365 days, to anybody, best-selling first."""
    lines, as_of = snapshot.tables["line_items"], snapshot.as_of
    bought = lines.filter(is_item_sale(lines), _recent(lines, as_of))
    counted = bought.group_by("item_id").aggregate(bills=bought.bill_id.nunique().cast("int64"))
    frame = counted.order_by(counted.bills.desc(), "item_id").execute()
    return frame.astype({"item_id": "str", "bills": "int64"})


def _recent(lines: ibis.Table, as_of: datetime) -> ibis.ir.BooleanValue:
    return day_number(lines.ts).cast("int64") > last_day_before(as_of) - YEAR_DAYS


def _popularity(sold: pd.DataFrame) -> np.ndarray:
    """Return each item's bills relative to the best-selling one; earlier items win ties."""
    import numpy as np

    bills = sold["bills"].to_numpy(dtype=float)
    return np.asarray(bills / max(bills.max(initial=0.0), 1.0) - 1e-9 * np.arange(len(bills)))


def _learn(snapshot: Snapshot, parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], csr_array]:
    """Return the items that most shoppers bought in a year, and their co-purchase similarity."""
    history = item_history(snapshot.tables["line_items"], snapshot.as_of)
    items = top_items(history, parameters["most_items"])
    return items, similarity(user_item_matrix(history, items), parameters["neighbours"], parameters["shrinkage"])


def _shelf(snapshot: Snapshot, learned: tuple[str, ...], together: csr_array) -> Shelf:
    """Return the items sold as of the snapshot with vectors and co-purchase (zeros for items without)."""
    import pandas as pd
    from scipy.sparse import csr_array

    sold = _sold_items(snapshot)
    shelf = pd.Index(sold["item_id"])
    places = shelf.get_indexer(pd.Index(learned, dtype="str"))
    one, other, value = entries(together)
    row, column = places[one], places[other]
    there = (row >= 0) & (column >= 0)
    moved = csr_array((value[there], (row[there], column[there])), shape=(len(shelf), len(shelf)))
    return Shelf(tuple(sold["item_id"]), _popularity(sold), _vectors(snapshot, shelf), moved)


def _vectors(snapshot: Snapshot, shelf: pd.Index) -> np.ndarray:
    """Return the vectors of the items on the shelf, items x dimensions; zeros for an item without one."""
    import numpy as np
    import pandas as pd

    table = snapshot.tables[VECTORS].select("item_id", "embedding").to_pyarrow()
    if not table.num_rows:
        return np.zeros((len(shelf), 1), dtype="float32")
    known = shelf.get_indexer(pd.Index(table["item_id"].to_pylist(), dtype="str"))
    kept = np.array(table["embedding"].to_pylist(), dtype="float32")
    vectors = np.zeros((len(shelf), kept.shape[1]), dtype="float32")
    vectors[known[known >= 0]] = kept[known >= 0]
    return vectors


def _best_weight(shelf: Shelf, latest: LabelledSnapshot, most: int) -> float:
    """Return the weight of texts with the best NDCG of `shelf` on the latest snapshot's outcome."""
    import numpy as np
    import pandas as pd

    if latest.outcome.empty or not shelf.items:
        return USUAL_WEIGHT
    pairs = latest.outcome.rename(columns={"item_id": "user_id", "similar_item_id": "item_id"})
    relevant = user_item_matrix(pairs, shelf.items[:most])
    counts = pairs.groupby("user_id").size()
    rows = pd.Index(shelf.items).get_indexer(counts.index)
    gains = []
    for weight in TEXT_WEIGHTS:
        first, gain = 0, 0.0
        for chunk in shelf.chunks(weight, most, rows):
            part = slice(first, first := first + len(chunk.rows))
            gain += float(ndcg(top_columns(chunk.scores), relevant[part], counts.to_numpy()[part]).sum())
        gains.append(gain)
    return TEXT_WEIGHTS[int(np.argmax(gains))]


def _words(snapshot: Snapshot, items: Sequence[str]) -> SharedWords:
    table = snapshot.tables["items"]
    named = table.group_by("item_id").aggregate(text=table.description.fill_null("").min()).execute()
    texts = dict(named[["item_id", "text"]].itertuples(index=False, name=None))
    return SharedWords([texts.get(item, "") for item in items])


def _reasons(words: SharedWords, chunk: ItemScores, shown: RankedEntries, weight: float) -> list[list[str]]:
    """Return why two items are similar: same shoppers, shared words, or similar texts; strongest first."""
    by_texts = weight * chunk.text[shown.row, shown.column]
    together = (1.0 - weight) * chunk.together[shown.row, shown.column]
    cosine = chunk.text[shown.row, shown.column]
    reasons = []
    for one, other, by_text, by_shoppers, alike in zip(
        chunk.rows[shown.row].tolist(), shown.column.tolist(), by_texts.tolist(), together.tolist(), cosine.tolist(),
        strict=True,
    ):  # fmt: skip
        parts = [(by_shoppers, "bought by the same shoppers")] if by_shoppers > 0 else []
        if both := words.of(one, other):
            parts.append((by_text, f"both are described as {', '.join(both)}"))
        elif alike >= ALIKE:
            parts.append((by_text, "similar descriptions"))
        reasons.append([text for _, text in sorted(parts, key=lambda part: -part[0])] or ["sells well here"])
    return reasons
