"""next_bill_value: which bill is the next, what is usual, and what is learned beside it."""

from __future__ import annotations

from datetime import timedelta

import ibis
import numpy as np
import pandas as pd

from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models.next_bill_value import NextBillValue
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


def test_the_usual_bill_is_told_of_each_unit_in_its_order() -> None:
    rows: Bills = [("a", -3, 10.0, False), ("a", -2, 20.0, False), ("b", -5, 60.0, False), ("a", -1, -20.0, True)]
    units = pd.DataFrame({"user_id": ["b", "unknown", "a"]})
    told = NextBillValue().measure(snapshot(rows), units, {})["usual_bill"]
    assert told.iloc[[0, 2]].tolist() == [60.0, 15.0]
    assert np.isnan(told.iloc[1])


def test_the_baseline_leans_to_the_shop_where_bills_are_few() -> None:
    rows: Bills = [("once", -3, 100.0, False), *(("often", -day, 10.0, False) for day in range(1, 31))]
    value = NextBillValue().baseline([], snapshot(rows)).set_index("user_id")["value"]
    assert 10.0 < value["often"] < 11.0
    assert 20.0 < value["once"] < 50.0


def test_it_learns_by_how_much_the_next_bill_differs_from_the_usual() -> None:
    """Each shopper's bills are all alike, from 50 to 500; once told of something the next is half as high again."""
    model, chance = NextBillValue(), np.random.default_rng(4)

    def made(as_of_days: int, count: int) -> LabelledSnapshot:
        users = [f"u{number:04d}" for number in range(count)]
        size = np.round(np.exp(chance.uniform(np.log(50), np.log(500), count)), 2)
        told = (np.arange(count) % 2).astype(float)
        rows: Bills = [(user, -day, own, False) for user, own in zip(users, size, strict=True) for day in range(1, 11)]
        frame = pd.DataFrame({"user_id": users, "told": told, "noise": chance.normal(size=count)})
        outcome = pd.DataFrame({"user_id": users, "value": size * (1 + 0.5 * told) * chance.uniform(0.9, 1.1, count)})
        return LabelledSnapshot(
            "acme", T + timedelta(days=as_of_days), frame, {"bills": ibis.memtable(bills(rows))}, outcome
        )

    later = made(0, 200)
    found = model.predict(model.fit([made(-120, 400), made(-60, 400)], model.parameters, 1), later)
    error = (found["value"] / later.outcome["value"] - 1).abs()
    assert error.median() < 0.12
    assert any(reason.startswith("usually spends about") for reasons in found["reasons"] for reason in reasons)
