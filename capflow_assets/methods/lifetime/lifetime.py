"""Lifetime value: expected spend in 90 days, a year and three years, from a shopper's visits so far.

The visits are those of BG/NBD (methods.bgnbd), in weeks; methods.visits counts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.likelihood import ConvergenceError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DAYS_A_WEEK = 7.0
LONGER: Mapping[str, int] = {"value_year": 365, "value_three_years": 1095}
LONGER_IN_WORDS: Mapping[str, str] = {
    "value_year": "Spend to expect in the next 365 days, in the retailer's currency, if the shop stays as it is.",
    "value_three_years": "Spend to expect in the next 1,095 days, undiscounted, if the shop stays as it is.",
}


def repeat_visits(history: pd.DataFrame, today: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, t_x, T (weeks) of BG/NBD and the mean spend of repeat visits, from `visit_history` up to day `today`.

    As published: a visit is a day, the first visit only starts the clock, and its spend is not counted.
    """
    import numpy as np

    x = (history["visits"] - 1).to_numpy(dtype=float)
    last = (history["last_day"] - history["first_day"]).to_numpy(dtype=float) / DAYS_A_WEEK
    age = (today - history["first_day"]).to_numpy(dtype=float) / DAYS_A_WEEK
    cents = (history["cents"] - history["first_cents"]).to_numpy(dtype=float)
    return x, last, age, np.where(x > 0, cents / 100.0 / np.maximum(x, 1.0), 0.0)


def fit_process(history: pd.DataFrame, today: int) -> bgnbd.BGNBD | str:
    """Fit BG/NBD to the visits of `visit_history`, in weeks; return the reason as text if it has no fit."""
    if history.empty:
        return "Nobody came yet."
    x, last, age, _ = repeat_visits(history, today)
    try:
        return bgnbd.fit(x, last, age)
    except ConvergenceError as error:
        return str(error).splitlines()[0]


def extrapolate_value(
    process: bgnbd.BGNBD | None, history: pd.DataFrame, today: int, value: np.ndarray, horizon_days: int
) -> dict[str, np.ndarray]:
    """Extrapolate the `value` of the next `horizon_days` to a year and three years, a column for each of `LONGER`.

    By how many times as many visits the process expects in so many days, the spend of a visit staying what it is;
    without a process by the ratio of the days, as if nobody left.
    """
    if process is None:
        return {name: value * (days / horizon_days) for name, days in LONGER.items()}
    x, _, age, _ = repeat_visits(history, today)
    horizon = horizon_days / DAYS_A_WEEK
    return {
        name: value * bgnbd.horizon_growth(process, horizon, days / DAYS_A_WEEK, x, age)
        for name, days in LONGER.items()
    }


def extrapolate_past_spend(history: pd.DataFrame, today: int, days: int) -> pd.Series:
    """Return what each shopper would spend in `days` at their own past rate, the first visit included."""
    return history["cents"] / 100.0 / (today - history["first_day"] + 1) * days
