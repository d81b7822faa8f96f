"""Shopper rows: what is unknown stays unknown, the order is their own, and one feature's push is told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.methods.ensemble.feature_matrix import (
    StandardScale,
    ablation_contributions,
    feature_matrix,
    numeric_columns,
    training_matrix,
)

FEATURES = pd.DataFrame(
    {"user_id": ["a", "b", "c"], "days": [3, 1, 2], "vip": [True, False, True], "city": list("xyz")}
)
OUTCOME = pd.DataFrame({"user_id": ["b", "c", "new"], "label": [0, 1, 1]})
SNAPSHOT = LabelledSnapshot("acme", datetime(2024, 3, 1), FEATURES, {}, OUTCOME)


def test_numbers_and_yes_and_no_are_taken() -> None:
    assert numeric_columns(FEATURES) == ("days", "vip")


def test_a_shopper_without_features_has_gaps() -> None:
    rows = feature_matrix(SNAPSHOT, pd.Series(["c", "new"]), ("days", "vip"))
    np.testing.assert_array_equal(rows, [[2.0, 1.0], [np.nan, np.nan]])
    with pytest.raises(ValueError, match=r"'acme'.*hours, weeks"):
        feature_matrix(SNAPSHOT, pd.Series(["c"]), ("weeks", "days", "hours"))


def test_rows_come_in_an_order_of_their_own() -> None:
    other = replace(SNAPSHOT, features=FEATURES[::-1], outcome=OUTCOME[::-1])
    rows, label = training_matrix([SNAPSHOT, other], ("days",))
    again, label_again = training_matrix([other, SNAPSHOT], ("days",))
    np.testing.assert_array_equal(rows, again)
    np.testing.assert_array_equal(label, label_again)
    assert label.tolist() == [0, 0, 1, 1, 1, 1]
    assert rows[:4, 0].tolist() == [1, 1, 2, 2]


def test_what_cannot_be_learned_from_is_told() -> None:
    with pytest.raises(ValueError, match=r"'acme': 3 rows, all alike"):
        training_matrix([SNAPSHOT.with_outcome(OUTCOME.assign(label=1))], ("days",))


def test_a_scale_fills_gaps_and_survives_columns_without_values() -> None:
    scale = StandardScale.of(np.array([[1.0, np.nan, 5.0], [3.0, np.nan, 5.0], [np.nan, np.nan, 5.0]]))
    assert scale.median == [2.0, 0.0, 5.0]
    scaled = scale(np.array([[2.0, np.nan, 5.0], [np.nan, 0.0, 5.0], [1e9, 0.0, np.nan]]))
    np.testing.assert_allclose(scaled, [[0, 0, 0], [0, 0, 0], [10, 0, 0]])


def test_a_push_is_what_the_feature_itself_adds() -> None:
    def ask(rows: np.ndarray) -> np.ndarray:
        return 2 * rows[:, 0] - 3 * rows[:, 1]

    told = ablation_contributions(ask, np.array([[5.0, 1.0, 9.0], [1.0, 4.0, 9.0]]), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(told, [[8, 0, 0], [0, -9, 0]])
    assert ablation_contributions(ask, np.zeros((0, 3)), [1.0, 1.0, 1.0]).shape == (0, 3)
