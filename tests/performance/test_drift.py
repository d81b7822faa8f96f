"""The rule for "has it dipped?": known answers, and how often it is wrong by chance."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from benchmarks.drift_rule import rates
from capflow_assets.performance.realised import Performance, find_dip

START = datetime(2024, 1, 1)


def measured(*values: float, error: float = 0.01, metric: str = "auc", higher: bool = True) -> list[Performance]:
    """One batch a week with these values."""
    return [Performance(metric, v, error, 1_000, START + timedelta(weeks=k), higher) for k, v in enumerate(values)]


REFERENCE = measured(0.75, error=0.0)[0]


def test_a_model_that_holds_has_not_dipped() -> None:
    assert find_dip(measured(*[0.75, 0.74, 0.76] * 10), REFERENCE) is None
    assert find_dip([], REFERENCE) is None


def test_a_fall_is_a_dip_with_its_weeks_and_words() -> None:
    dip = find_dip(measured(0.75, 0.70, 0.70, 0.70), REFERENCE)
    assert dip is not None
    # each bad batch adds (.05 - slack .01) / .01 - k .5 = 3.5, so the second one passes h = 4
    assert dip.score == pytest.approx(7.0)
    assert (dip.since, dip.seen) == (START + timedelta(weeks=1), START + timedelta(weeks=2))
    assert "fell to 0.7 (1,000 users, 2024-01-15)" in dip.reason
    assert "since 2024-01-08" in dip.reason


def test_small_falls_add_up_and_a_good_batch_wipes_them() -> None:
    """A fall of .024 adds .9 a batch: five in a row pass h = 4, five with a good one between them do not."""
    assert find_dip(measured(*[0.726] * 5), REFERENCE) is not None
    assert find_dip(measured(*[0.726] * 4), REFERENCE) is None
    assert find_dip(measured(0.726, 0.726, 0.80, 0.726, 0.726, 0.726), REFERENCE) is None


def test_a_fall_within_the_slack_is_never_a_dip() -> None:
    assert find_dip(measured(*[0.7401] * 500, error=1e-6), REFERENCE) is None


def test_the_references_own_error_makes_it_slower() -> None:
    bad = measured(*[0.70] * 3)
    assert find_dip(bad, REFERENCE) is not None
    assert find_dip(bad, replace(REFERENCE, standard_error=0.03)) is None


def test_an_error_gets_worse_by_rising() -> None:
    reference = measured(10.0, error=0.1, metric="mae", higher=False)[0]
    assert find_dip(measured(8.0, 8.0, 8.0, metric="mae", higher=False), reference) is None
    dip = find_dip(measured(12.0, metric="mae", higher=False), reference)
    assert dip is not None
    assert "rose to 12" in dip.reason


def test_without_any_error_every_drop_beyond_the_slack_is_sure() -> None:
    dip = find_dip(measured(0.70, error=0.0), REFERENCE)
    assert dip is not None
    assert dip.score == math.inf
    assert find_dip(measured(0.75, error=0.0), REFERENCE) is None


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (measured(0.1, metric="brier"), "Use one metric"),
        (measured(0.7, 0.7)[::-1], "not in order"),
        (measured(math.nan), "must be known"),
        (measured(0.7, error=math.nan), "must be known"),
    ],
)
def test_what_cannot_be_compared_is_refused(history: list[Performance], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_dip(history, REFERENCE)


def test_it_seldom_cries_wolf_and_mostly_catches() -> None:
    """A small run of benchmarks/drift_rule.py: the full one gives about .04 false alarms and all dips caught."""
    found = rates(users=300, customers=60)
    false_alarms, caught = found["CUSUM (dipped)"]
    assert false_alarms <= 0.10
    assert caught >= 0.90
    assert found["drop over .03"][0] > 0.5
