"""Ranked: the best first, ties by column, and NDCG as training.ranking counts it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from capflow_assets.methods.recommend.top_k import list_ranked, ndcg, strongest_links, top_columns
from capflow_assets.training.evaluation.ranking import ndcg_at_10


def test_top_is_a_stable_sort_with_and_without_ties() -> None:
    chance = np.random.default_rng(3)
    for scores in (chance.random((50, 40)), chance.integers(0, 4, (50, 40)).astype(float)):
        assert (top_columns(scores) == np.argsort(-scores, axis=1, kind="stable")[:, :10]).all()
    assert top_columns(np.zeros((3, 4))).tolist() == [[0, 1, 2, 3]] * 3
    assert top_columns(np.zeros((3, 0))).shape == (3, 0)
    assert top_columns(np.zeros((0, 5))).shape == (0, 5)


def test_what_must_not_be_recommended_is_not_listed() -> None:
    scores = np.array([[1.0, -np.inf, 3.0], [-np.inf, -np.inf, -np.inf]])
    shown = list_ranked(scores, top_columns(scores))
    assert shown.row.tolist() == [0, 0]
    assert shown.rank.tolist() == [1, 2]
    assert shown.column.tolist() == [2, 0]
    assert shown.score.tolist() == [3.0, 1.0]


def test_ndcg_is_the_metric_that_models_are_judged_by() -> None:
    chance = np.random.default_rng(4)
    scores, relevant = chance.random((30, 25)), chance.random((30, 25)) < 0.3
    best = top_columns(scores)
    outcome = pd.DataFrame([(f"u{row:02d}", f"i{column}") for row, column in zip(*relevant.nonzero(), strict=True)])
    outcome.columns = ["user_id", "item_id"]
    prediction = pd.DataFrame(
        [(f"u{row:02d}", f"i{c}", rank + 1) for row in range(30) for rank, c in enumerate(best[row])],
        columns=["user_id", "item_id", "rank"],
    )
    judged = ndcg_at_10(outcome, prediction).sort_index().to_numpy()
    assert ndcg(best, csr_array(relevant.astype(float)), relevant.sum(axis=1)) == pytest.approx(judged)
    assert ndcg(best[:1], csr_array(np.zeros((1, 25))), np.array([0])).tolist() == [0.0]


def test_the_thing_that_speaks_most_is_named_and_none_where_none_does() -> None:
    bought = csr_array(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    links = csr_array(np.array([[0.0, 0.2], [0.0, 0.5], [-1.0, 0.0]]))  # things x columns
    assert strongest_links(bought, links, np.array([0, 0, 1]), np.array([1, 0, 0])).tolist() == [1, -1, -1]
