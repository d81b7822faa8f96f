"""NDCG and recall of the top ten: how well ranked items match what each shopper then bought."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TOP = 10


def hits(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.DataFrame:
    """Return the recommendations in the top ten that came true: the columns of the unit, and `rank`.

    The last column of the outcome is what is ranked (item_id), the ones before it are the unit (user_id).
    """
    columns = list(outcome.columns)
    top = prediction.loc[prediction["rank"] <= TOP, [*columns, "rank"]]
    return outcome.drop_duplicates().merge(top, on=columns)[[*columns[:-1], "rank"]]


def ndcg_at_10(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    """Return the discounted gain of the top ten over the best possible, for each user who bought something.

    Source: Järvelin & Kekäläinen (2002), ACM TOIS 20(4), with gain 1 for an item that was bought.
    """
    import numpy as np

    matches, bought = hits(outcome, prediction), _count_purchases(outcome)
    gains = (1.0 / np.log2(matches["rank"] + 1)).groupby([matches[name] for name in _unit(outcome)]).sum()
    ideal = np.cumsum(1.0 / np.log2(np.arange(2, TOP + 2)))
    return gains.reindex(bought.index, fill_value=0.0) / ideal[bought.clip(upper=TOP).to_numpy() - 1]


def recall_at_10(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    """Return the share of the items each user bought that were in the top ten."""
    bought = _count_purchases(outcome)
    matches = hits(outcome, prediction).groupby(_unit(outcome)).size()
    return matches.reindex(bought.index, fill_value=0) / bought


def _count_purchases(outcome: pd.DataFrame) -> pd.Series:
    return outcome.drop_duplicates().groupby(_unit(outcome)).size()


def _unit(outcome: pd.DataFrame) -> list[str]:
    return list(outcome.columns[:-1])
