"""Promotion: the rule at its edges, and reasons that carry the numbers."""

from __future__ import annotations

import pytest

from capflow_assets.contract.model import Promotion
from capflow_assets.training.evaluation.metrics import Evaluation, PairedDifference
from capflow_assets.training.evaluation.promotion import decide_promotion

RULE = Promotion(over_baseline=0.02, tolerance=0.01)


def at(value: float, metric: str = "auc") -> Evaluation:
    return Evaluation(metric, value, value - 0.01, value + 0.01, 500)


def test_the_first_version_must_beat_the_baseline_by_enough() -> None:
    first = decide_promotion(at(0.75), at(0.70), None, RULE, None)
    assert first.promoted
    assert "0.7500 against 0.7000 of the baseline" in first.reason
    assert "better by 0.0500" in first.reason
    small = decide_promotion(at(0.71), at(0.70), None, RULE, None)
    assert not small.promoted
    assert "0.0200 is required" in small.reason


@pytest.mark.parametrize("value", [0.70, 0.65])
def test_no_better_than_the_baseline_is_never_promoted(value: float) -> None:
    decision = decide_promotion(at(value), at(0.70), at(0.5), Promotion(), PairedDifference(0.15, 0.001, 500))
    assert not decision.promoted
    assert "not better than the baseline" in decision.reason


@pytest.mark.parametrize(
    ("difference", "error", "promoted"),
    [
        (0.02, 0.02, True),
        (0.02, 0.03, False),
        (0.001, 0.008, True),
        (0.001, 0.01, False),
        (0.0, 0.0, False),
        (-0.01, 0.0, False),
    ],
)
def test_against_the_champion(difference: float, error: float, promoted: bool) -> None:
    decision = decide_promotion(
        at(0.80), at(0.70), at(0.80 - difference), RULE, PairedDifference(difference, error, 500)
    )
    assert decision.promoted is promoted
    assert "of the champion on 500 users" in decision.reason


def test_for_errors_less_is_better_and_bounds_are_shares_of_money() -> None:
    rule = Promotion(over_baseline=0.1, tolerance=0.05)
    assert decide_promotion(at(89, "mae"), at(100, "mae"), None, rule, None).promoted
    assert not decide_promotion(at(91, "mae"), at(100, "mae"), None, rule, None).promoted
    assert not decide_promotion(at(110, "mae"), at(100, "mae"), None, Promotion(), None).promoted
    # better by 2 of 50 with an error of 3: at worst 1.84 worse, within 5 % of 50 but not within 1 %
    paired = PairedDifference(-2.0, 3.0, 500)
    assert decide_promotion(at(48, "mae"), at(100, "mae"), at(50, "mae"), rule, paired).promoted
    assert not decide_promotion(
        at(48, "mae"), at(100, "mae"), at(50, "mae"), Promotion(tolerance=0.01), paired
    ).promoted


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="Cannot compare auc with mae"):
        decide_promotion(at(0.8), at(50, "mae"), None, RULE, None)
    with pytest.raises(ValueError, match="same users"):
        decide_promotion(at(0.8), at(0.7), at(0.7), RULE, None)
