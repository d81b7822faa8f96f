"""EASE: the closed form is the least-squares answer with a zero diagonal, and finds what goes together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array

from capflow_assets.methods.recommend.ease import fit_weights


def test_the_closed_form_is_what_a_search_finds() -> None:
    bought = (np.random.default_rng(2).random((40, 5)) < 0.4).astype(float)
    found = fit_weights(csr_array(bought), 3.0)
    for column in range(5):
        others = [other for other in range(5) if other != column]

        def loss(part: np.ndarray, column: int = column, others: list[int] = others) -> float:
            return float(((bought[:, column] - bought[:, others] @ part) ** 2).sum() + 3.0 * (part**2).sum())

        searched = minimize(loss, np.zeros(4), options={"gtol": 1e-9}).x
        assert found[others, column] == pytest.approx(searched, abs=1e-5)
        assert found[column, column] == 0.0


def test_who_buys_bread_is_scored_for_butter_not_for_soap() -> None:
    bought = np.array([[1, 1, 0]] * 20 + [[0, 0, 1]] * 20 + [[1, 0, 0]], dtype=float)
    score = bought[-1:] @ fit_weights(csr_array(bought), 1.0)
    assert score[0, 1] > 0.8
    assert score[0, 2] < 0.05


def test_without_regularisation_it_refuses() -> None:
    with pytest.raises(ValueError, match="over 0"):
        fit_weights(csr_array(np.eye(3)), 0.0)
