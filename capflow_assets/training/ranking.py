"""How well ranked items meet what each shopper then bought: NDCG and recall of the first ten."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TOP = 10


def hits(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.DataFrame:
    """The recommendations among the first ten that came true: `user_id`, `rank`."""
    shown = prediction.loc[prediction["rank"] <= TOP, ["user_id", "item_id", "rank"]]
    bought = outcome[["user_id", "item_id"]].drop_duplicates()
    return bought.merge(shown, on=["user_id", "item_id"])[["user_id", "rank"]]


def ndcg_at_10(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    """Discounted gain of the first ten over the best possible, for each user who bought something.

    Source: Järvelin & Kekäläinen (2002), ACM TOIS 20(4), with gain 1 for an item that was bought.
    """
    import numpy as np

    found = hits(outcome, prediction)
    gained = (1.0 / np.log2(found["rank"] + 1)).groupby(found["user_id"]).sum()
    bought = _bought(outcome)
    ideal = np.cumsum(1.0 / np.log2(np.arange(2, TOP + 2)))
    return gained.reindex(bought.index, fill_value=0.0) / ideal[bought.clip(upper=TOP).to_numpy() - 1]


def recall_at_10(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    """The share of the items that each user bought which were among the first ten."""
    bought = _bought(outcome)
    return hits(outcome, prediction).groupby("user_id").size().reindex(bought.index, fill_value=0) / bought


def _bought(outcome: pd.DataFrame) -> pd.Series:
    return outcome[["user_id", "item_id"]].drop_duplicates().groupby("user_id").size()
