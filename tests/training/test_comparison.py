"""Comparing over customers: who wins surely, and what that says of all of them."""

from __future__ import annotations

import pytest

from capflow_assets.training.comparison import Comparison, compare_values, summarise, summarise_by_vertical
from capflow_assets.training.evaluation.metrics import PairedDifference, metric


def one(gain: float, error: float, name: str = "a", vertical: str = "gifts") -> Comparison:
    return compare_values(name, vertical, metric("auc"), PairedDifference(gain, error, 100), 0.7, 0.7 - gain, 1.5)


@pytest.mark.parametrize(("gain", "verdict"), [(0.05, "win"), (0.01, "tie"), (-0.01, "tie"), (-0.05, "loss")])
def test_a_customer_is_won_only_surely(gain: float, verdict: str) -> None:
    assert one(gain, 0.01).verdict == verdict


def test_less_error_in_money_is_a_gain_as_a_share() -> None:
    found = compare_values("a", "gifts", metric("mae"), PairedDifference(-5.0, 1.0, 100), 45.0, 50.0, 1.0)
    assert (found.verdict, found.gain, found.standard_error) == ("win", 0.1, 0.02)


def test_all_customers_together() -> None:
    found = [
        one(0.05, 0.01),
        one(0.03, 0.01),
        one(0.01, 0.01),
        Comparison("d", "gifts", "not compared", reason="blocked"),
    ]
    told = summarise(found)
    assert (told.customers, told.wins, told.ties, told.losses, told.not_compared) == (4, 2, 1, 0, 1)
    assert told.gain == pytest.approx(0.03)
    assert told.low == pytest.approx(0.03 - 1.959964 * 0.02 / 3**0.5)
    assert told.cpu_seconds == pytest.approx(4.5)
    assert told.surely_better


def test_one_lucky_customer_proves_nothing() -> None:
    assert not summarise([one(0.05, 0.001)]).surely_better
    assert not summarise([one(0.05, 0.01), one(-0.04, 0.01)]).surely_better
    assert not summarise([]).surely_better


def test_verticals_are_told_apart() -> None:
    found = summarise_by_vertical([one(0.05, 0.01), one(-0.05, 0.01, vertical="food")])
    assert {name: (group.wins, group.losses) for name, group in found.items()} == {"food": (0, 1), "gifts": (1, 0)}
