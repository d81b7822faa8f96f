"""A third-party model that ranks what CapFlow has no column for: brands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pandas as pd

from capflow_assets.contract.model import Artefact, Model, Needs
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot


class FavouriteBrand(Model):
    """Ranks the brands that a shopper bought most."""

    name = "favourite_brand"
    title = "Favourite brand"
    description = "The brands that a shopper buys most."
    family = "recommendation"
    method = "own counts"
    baseline_name = "most popular brands"
    task = "ranking"
    ranked = "brand"
    metric = "ndcg_at_10"
    tables = ("line_items", "items")
    needs = Needs(users=10, bills=10, history_days=10)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        items = snapshot.tables["items"].select("item_id", "brand").to_pandas()
        lines = window["line_items"].select("user_id", "item_id").to_pandas().dropna()
        return lines.merge(items, on="item_id")[["user_id", "brand"]].drop_duplicates().reset_index(drop=True)

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        return Artefact({"nothing": b"learned"})

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        return self._ranked(snapshot, own=True)

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        return self._ranked(snapshot, own=False)

    def _ranked(self, snapshot: Snapshot, own: bool) -> pd.DataFrame:
        items = snapshot.tables["items"].select("item_id", "brand").to_pandas()
        lines = snapshot.tables["line_items"].select("user_id", "item_id").to_pandas().dropna()
        bought = lines.merge(items, on="item_id")
        popular = bought["brand"].value_counts(normalize=True)
        scores = pd.crosstab(bought["user_id"], bought["brand"]).astype(float)
        ranked = (scores if own else scores * 0.0).add(popular).reset_index()
        rows = ranked.melt("user_id", var_name="brand", value_name="score")
        rows = rows.sort_values(["user_id", "score", "brand"], ascending=[True, False, True])
        rows["rank"] = rows.groupby("user_id").cumcount() + 1
        rows["reasons"] = [["often bought"]] * len(rows)
        columns = ["user_id", "rank", "brand", "score", "reasons"]
        return rows[rows["rank"] <= 10][columns].reset_index(drop=True)
