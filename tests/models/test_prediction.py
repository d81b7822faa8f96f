"""The table that predict returns: its columns, its types, and nothing but numbers."""

from __future__ import annotations

import pytest

from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.churn import Churn
from capflow_assets.models.cltv import Cltv
from capflow_assets.models.next_bill_value import NextBillValue


def test_a_prediction_has_exactly_its_columns() -> None:
    frame = prediction_frame(Churn(), {"score": [0.5], "user_id": ["a"]})
    assert list(frame.columns) == ["user_id", "score", "reasons"]
    assert frame["reasons"].tolist() == [[]]
    with pytest.raises(ValueError, match="churn predicts the columns user_id, score, reasons"):
        prediction_frame(Churn(), {"user_id": ["a"], "value": [1.0]})


def test_a_prediction_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 predictions have a value"):
        prediction_frame(NextBillValue(), {"user_id": ["a", "b"], "value": [1.0, float("nan")]})
    with pytest.raises(ValueError, match="1 of 1 predictions have a value_year"):
        prediction_frame(
            Cltv(), {"user_id": ["a"], "value": [1.0], "value_year": [float("inf")], "value_three_years": [1.0]}
        )
