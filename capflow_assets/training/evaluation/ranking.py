"""How well ranked items meet what each shopper then bought: NDCG and recall of the first ten."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TOP = 10


def hits(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.DataFrame:
    """The recommendations among the first ten that came true: the columns of the unit, and `rank`.

    The last column of the outcome is what is ranked (item_id), the ones before it are the unit (user_id).
    """
    columns = list(outcome.columns)
    shown = prediction.loc[prediction["rank"] <= TOP, [*columns, "rank"]]
    return outcome.drop_duplicates().merge(shown, on=columns)[[*columns[:-1], "rank"]]


def ndcg_at_10(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    """Discounted gain of the first ten over the best possible, for each user who bought something.

    Source: Järvelin & Kekäläinen (2002), ACM TOIS 20(4), with gain 1 for an item that was bought.
    """
    import numpy as np

    found, bought = hits(outcome, prediction), _bought(outcome)
    gained = (1.0 / np.log2(found["rank"] + 1)).groupby([found[name] for name in _unit(outcome)]).sum()
    ideal = np.cumsum(1.0 / np.log2(np.arange(2, TOP + 2)))
    return gained.reindex(bought.index, fill_value=0.0) / ideal[bought.clip(upper=TOP).to_numpy() - 1]


def recall_at_10(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    """The share of the items that each user bought which were among the first ten."""
    bought = _bought(outcome)
    found = hits(outcome, prediction).groupby(_unit(outcome)).size()
    return found.reindex(bought.index, fill_value=0) / bought


def _bought(outcome: pd.DataFrame) -> pd.Series:
    return outcome.drop_duplicates().groupby(_unit(outcome)).size()


def _unit(outcome: pd.DataFrame) -> list[str]:
    return list(outcome.columns[:-1])
