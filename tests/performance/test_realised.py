"""When predictions can be judged, and what they were worth."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from capflow_assets.performance.realised import is_matured, measure_realised
from capflow_assets.training.evaluation.metrics import METRICS
from capflow_assets.training.evaluation.roc import delong

MAY = datetime(2024, 5, 1)


def test_a_prediction_is_due_when_its_whole_horizon_is_in_the_data() -> None:
    end = MAY + timedelta(days=30)
    assert is_matured(MAY, 30, end)
    assert not is_matured(MAY, 30, end - timedelta(seconds=1))


def test_auc_with_delongs_error() -> None:
    outcome = pd.DataFrame({"user_id": list("abcdef"), "label": [0, 1, 0, 1, 0, 1]})
    prediction = pd.DataFrame({"user_id": list("fedcba"), "score": [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]})
    found = measure_realised(prediction, outcome, "auc", MAY)
    area, variance = delong(outcome.label.to_numpy(), prediction.set_index("user_id").score[outcome.user_id].to_numpy())
    assert found.value == pytest.approx(2 / 3) == area[0]
    assert found.standard_error == pytest.approx(variance[0, 0] ** 0.5)
    assert (found.metric, found.users, found.as_of, found.higher_is_better) == ("auc", 6, MAY, True)


def test_an_absolute_error_gets_better_by_falling() -> None:
    outcome = pd.DataFrame({"user_id": list("abc"), "value": [1.0, 2.0, 3.0]})
    found = measure_realised(outcome.assign(value=[2.0, 4.0, 6.0]), outcome, "mae", MAY)
    assert found.value == pytest.approx(2.0)
    assert found.standard_error == pytest.approx(1 / 3**0.5)
    assert not found.higher_is_better


def test_an_unknown_metric_and_an_unpredicted_user_are_refused() -> None:
    outcome = pd.DataFrame({"user_id": ["a", "b"], "label": [0, 1]})
    prediction = pd.DataFrame({"user_id": ["a"], "score": [0.1]})
    with pytest.raises(ValueError, match="magic"):
        measure_realised(prediction, outcome, "magic", MAY)
    for name in [metric.name for metric in METRICS.values() if metric.task == "binary"]:
        with pytest.raises(ValueError, match="no prediction"):
            measure_realised(prediction, outcome, name, MAY)
