"""Lifetime: values carried on to a year and to three, and what is said where there is no process."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from capflow_assets.methods.lifetime import bgnbd, lifetime
from capflow_assets.methods.lifetime.bgnbd import BGNBD
from capflow_assets.methods.lifetime.likelihood import ConvergenceError

TODAY = 400
HISTORY = pd.DataFrame(
    {
        "user_id": ["often", "once"],
        "visits": [11, 1],
        "cents": [22_000, 1_000],
        "first_day": [50, 300],
        "last_day": [398, 300],
        "first_cents": [2_000, 1_000],
    }
)


def test_repeat_visits_are_counted_in_weeks_and_the_first_is_none() -> None:
    x, last, age, spend = lifetime.repeat_visits(HISTORY, TODAY)
    assert (x.tolist(), spend.tolist()) == ([10.0, 0.0], [20.0, 0.0])
    assert (last * 7).tolist() == [348.0, 0.0]
    assert (age * 7).tolist() == [350.0, 100.0]


def test_a_year_is_worth_less_than_its_quarters_the_more_so_the_more_shoppers_leave() -> None:
    value = np.array([100.0, 10.0])
    leaving, lasting = (
        lifetime.extrapolate_value(BGNBD(1.0, 4.0, a, 5.0), HISTORY, TODAY, value, 90) for a in (1.5, 0.05)
    )
    for found in (leaving, lasting):
        assert (found["value_year"] > value).all()
        assert (found["value_year"] < value * 365 / 90).all()
        assert (found["value_three_years"] > found["value_year"]).all()
    assert (leaving["value_three_years"] < lasting["value_three_years"]).all()
    days = lifetime.extrapolate_value(None, HISTORY, TODAY, value, 90)
    assert days["value_three_years"] == pytest.approx(value * 1095 / 90)


def test_the_past_rate_counts_the_first_visit_and_its_day() -> None:
    assert lifetime.extrapolate_past_spend(HISTORY, TODAY, 90).tolist() == pytest.approx(
        [220 / 351 * 90, 10 / 101 * 90]
    )


def test_without_a_process_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lifetime.fit_process(HISTORY, TODAY)
    assert isinstance(found, BGNBD)

    def never(*_: object) -> BGNBD:
        raise ConvergenceError("BG/NBD did not converge from 4 starts.\nCheck the bills.")

    monkeypatch.setattr(bgnbd, "fit", never)
    assert lifetime.fit_process(HISTORY, TODAY) == "BG/NBD did not converge from 4 starts."
