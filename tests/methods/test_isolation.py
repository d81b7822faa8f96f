"""Isolation forest: the same scores as scikit-learn's, from arrays alone; who stands apart scores highest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest as Sklearn

from capflow_assets.methods.isolation import IsolationForest, grow_forest


def crowd(rows: int = 600) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(rows, 4)) * [1.0, 10.0, 0.1, 1000.0]


@pytest.mark.parametrize("sample", [2, 64, 256, 5000])
def test_scores_are_those_of_scikit_learn(sample: int) -> None:
    matrix = crowd()
    forest = grow_forest(matrix, sample, seed=3, trees=20)
    theirs = Sklearn(n_estimators=20, max_samples=min(sample, len(matrix)), random_state=3).fit(matrix)
    unseen = np.vstack([matrix, matrix[:50] * 3.0, np.zeros((1, 4))])
    np.testing.assert_allclose(forest.anomaly_scores(unseen), -theirs.score_samples(unseen), rtol=0, atol=1e-9)


def test_who_stands_apart_is_the_most_unusual() -> None:
    matrix = np.vstack([crowd(), [[9.0, -90.0, 0.9, 9000.0]]])
    scores = grow_forest(matrix, 256, seed=3).anomaly_scores(matrix)
    assert scores.argmax() == len(matrix) - 1
    assert scores[-1] > 0.7
    assert np.median(scores) < 0.5


def test_a_missing_value_counts_as_the_median() -> None:
    matrix = crowd()
    matrix[::7, 1] = np.nan
    matrix[::3, 3] = np.inf
    forest = grow_forest(matrix, 64, seed=3, trees=10)
    filled = matrix.copy()
    filled[~np.isfinite(matrix)] = np.broadcast_to(forest.median, matrix.shape)[~np.isfinite(matrix)]
    assert (forest.anomaly_scores(matrix) == forest.anomaly_scores(filled)).all()
    assert forest.median[1] == pytest.approx(np.nanmedian(matrix[:, 1]))


def test_what_is_stored_scores_the_same_and_is_no_pickle() -> None:
    forest = grow_forest(crowd(), 64, seed=3, trees=10)
    content = forest.to_bytes()
    again = IsolationForest.from_bytes(content)
    assert (again.anomaly_scores(crowd()) == forest.anomaly_scores(crowd())).all()
    assert grow_forest(crowd(), 64, seed=3, trees=10).to_bytes() == content


def test_one_row_alone_is_neither_usual_nor_unusual() -> None:
    matrix = np.ones((1, 4))
    assert grow_forest(matrix, 64, seed=3, trees=3).anomaly_scores(matrix).tolist() == [0.5]


def test_nobody_has_no_score() -> None:
    assert grow_forest(crowd(), 64, seed=3, trees=3).anomaly_scores(np.zeros((0, 4))).shape == (0,)
