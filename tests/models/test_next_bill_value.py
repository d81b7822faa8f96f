"""next_bill_value: which bill is the next, what is usual, and what is learned beside it."""

from __future__ import annotations

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.models.base import Snapshot
from capflow_assets.models.next_bill_value import NextBillValue, shop_bill, usual_bill
from tests.models.test_churn import T, bills

Bills = list[tuple[str | None, int, float, bool]]


def snapshot(rows: Bills) -> Snapshot:
    return Snapshot("acme", T, pd.DataFrame(), {"bills": ibis.memtable(bills(rows))})


def test_the_next_bill_is_the_first_one_paid_in_the_window() -> None:
    past: Bills = [(user, -10, 5.0, False) for user in ("comes", "stays away", "split", "returns")]
    past += [("long gone", -366, 5.0, False)]
    later: Bills = [("comes", 9, 30.0, False), ("comes", 4, -7.0, True), ("comes", 5, 20.0, False)]
    later += [("split", 3, 4.0, False), ("split", 3, 6.5, False), ("returns", 3, -5.0, True), ("new", 1, 9.0, False)]
    outcome = NextBillValue().outcome(
        snapshot(past), {"bills": ibis.memtable(bills([*later, ("long gone", 2, 8.0, False)]))}
    )
    assert dict(outcome.itertuples(index=False, name=None)) == {"comes": 20.0, "split": 10.5}


def test_the_usual_bill_is_the_mean_of_ones_own_and_one_of_the_shop() -> None:
    rows: Bills = [("a", -3, 10.0, False), ("a", -2, 20.0, False), ("b", -5, 60.0, False), ("a", -1, -20.0, True)]
    shop = shop_bill(snapshot(rows))
    assert shop == 30.0
    users = pd.Series(["a", "b", "unknown"])
    assert usual_bill(snapshot(rows), users, shop).tolist() == [20.0, 45.0, 30.0]
    assert shop_bill(snapshot([(None, -3, 10.0, False)])) == 1.0


def test_it_learns_by_how_much_the_next_bill_differs_from_the_usual() -> None:
    """Each shopper's bills are all alike, from 50 to 500; once told of something the next is half as high again."""
    model, chance = NextBillValue(), np.random.default_rng(4)

    def made(as_of_days: int, count: int) -> Snapshot:
        users = [f"u{number:04d}" for number in range(count)]
        size = np.round(np.exp(chance.uniform(np.log(50), np.log(500), count)), 2)
        told = (np.arange(count) % 2).astype(float)
        rows: Bills = [(user, -day, own, False) for user, own in zip(users, size, strict=True) for day in range(1, 41)]
        frame = pd.DataFrame({"user_id": users, "told": told, "noise": chance.normal(size=count)})
        outcome = pd.DataFrame({"user_id": users, "value": size * (1 + 0.5 * told) * chance.uniform(0.9, 1.1, count)})
        return Snapshot("acme", T + timedelta(days=as_of_days), frame, {"bills": ibis.memtable(bills(rows))}, outcome)

    later = made(0, 200)
    parameters = {**model.parameters, "families": ["boosting", "constant"]}  # of two columns a forest sees one a split
    artefact = model.fit([made(-120, 400), made(-60, 400)], parameters, 1)
    found = model.predict(artefact, later)
    assert later.outcome is not None
    ratio = found["value"] / usual_bill(later, found["user_id"], shop_bill(later))
    assert ratio[later.features["told"] == 1].median() == pytest.approx(1.5, abs=0.05)
    assert ratio[later.features["told"] == 0].median() == pytest.approx(1.0, abs=0.05)
    assert all(reasons[0].startswith("usually spends ") for reasons in found["reasons"])
    assert found["reasons"][1][1] == "told 1"
    quick = model.tried([made(-120, 400)], later, model.parameters, 1)
    assert np.median(np.abs(quick["value"] / later.outcome["value"] - 1)) < 0.1
