"""next_purchase_date: what the wait is, where it is cut, and that the median wait is found under the cut."""

from __future__ import annotations

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.conformance.synthetic_shop import AS_OF, make_shop
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models.next_purchase_date import NextPurchaseDate
from tests.models.test_churn import T, bills


def snapshot(rows: list[tuple[str | None, int, float, bool]]) -> Snapshot:
    return Snapshot("acme", T, pd.DataFrame(), {"bills": ibis.memtable(bills(rows))})


def test_the_wait_is_counted_in_days_and_60_without_a_purchase() -> None:
    past = [(user, -10, 5.0, False) for user in ("today", "later", "never", "returns")] + [("old", -181, 5.0, False)]
    later = [("today", 0, 5.0, False), ("today", 9, 5.0, False), ("later", 59, 5.0, False), ("returns", 3, -5.0, True)]
    outcome = NextPurchaseDate().outcome(snapshot(past), {"bills": ibis.memtable(bills(later))})
    assert dict(outcome.itertuples(index=False, name=None)) == {"later": 59, "never": 60, "returns": 60, "today": 0}


def test_the_baseline_waits_a_gap_and_who_is_overdue_as_long_again() -> None:
    weekly = [("weekly", day, 5.0, False) for day in (-15, -8, -1)]
    overdue = [("overdue", day, 5.0, False) for day in (-60, -50, -40)]
    slow = [("slow", day, 5.0, False) for day in (-150, -70)]
    found = NextPurchaseDate().baseline([], snapshot([*weekly, *overdue, *slow, ("once", -2, 5.0, False)]))
    shop = (14 + 20 + 80) / 5
    expected = {"once": shop, "overdue": 40, "slow": 60, "weekly": 7}
    assert dict(zip(found["user_id"], found["value"], strict=True)) == pytest.approx(expected)


def test_the_median_wait_is_found_where_a_third_never_comes_within_the_window() -> None:
    """Two kinds of shoppers, told apart by one column; the cut at 60 hides a third of the waits of one of them."""
    model, chance = NextPurchaseDate(), np.random.default_rng(3)

    def made(as_of_days: int) -> LabelledSnapshot:
        users = [f"u{number:04d}" for number in range(600)]
        slow = np.arange(600) % 2
        wait = np.where(slow, chance.exponential(50.0, 600), chance.exponential(12.0, 600))
        outcome = pd.DataFrame({"user_id": users, "value": np.minimum(np.floor(wait), 60.0)})
        rows = [(user, -1, 5.0, False) for user in users]
        kind = pd.DataFrame({"user_id": users, "slow": slow.astype(float), "noise": chance.normal(size=600)})
        return LabelledSnapshot(
            "acme", T + timedelta(days=as_of_days), kind, {"bills": ibis.memtable(bills(rows))}, outcome
        )

    later = made(0)
    found = model.predict(model.fit([made(-120), made(-60)], model.parameters, 1), later)
    by_kind = found["value"].groupby(later.features["slow"]).median()
    assert by_kind[0.0] == pytest.approx(12 * np.log(2), abs=2.0)
    assert by_kind[1.0] == pytest.approx(50 * np.log(2), abs=6.0)


def test_predictions_stay_within_the_window() -> None:
    small, model = make_shop(120, seed=5), NextPurchaseDate()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (180, 120)]
    test = small.labelled_snapshot(AS_OF - timedelta(days=60), model)
    found = model.predict(model.fit(train, model.parameters, 1), test)
    assert found["value"].between(0, 60).all()
    assert model.fit_and_predict_quickly(train, test, model.parameters, 1)["value"].between(0, 60).all()
