"""Visits and the exact table of predictions."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd

from capflow_assets.methods.visits import last_day_before, spend_by_user, visit_history

T = datetime(2024, 3, 1)


def table(rows: list[tuple[str | None, timedelta, float | None, bool | None]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["user_id", "before", "amount", "is_return"])
    frame["ts"] = T - frame.pop("before")
    return ibis.memtable(frame.astype({"user_id": "str", "amount": "float64", "is_return": "boolean"}))


def test_history_counts_days_and_cents() -> None:
    bills = table(
        [
            ("a", timedelta(days=400), 10.10, False),
            ("a", timedelta(days=3, hours=1), 0.10, False),
            ("a", timedelta(days=3, hours=2), 0.20, None),
            ("a", timedelta(days=2), -5.0, True),
            ("a", timedelta(days=1), None, False),
            (None, timedelta(days=1), 9.0, False),
            ("b", timedelta(seconds=1), 0.0, False),
        ]
    )
    first, second = visit_history(bills, T).to_dict("records")
    assert first == {
        "user_id": "a", "visits": 2, "cents": 1040, "first_day": last_day_before(T) - 399,
        "last_day": last_day_before(T) - 3, "first_cents": 1010, "visits_year": 1, "cents_year": 30,
    }  # fmt: skip
    assert (second["user_id"], second["visits"], second["last_day"]) == ("b", 1, last_day_before(T))
    assert spend_by_user(bills).to_dict() == {"a": 10.4, "b": 0.0}


def test_the_last_day_before_midnight_is_the_day_before() -> None:
    day = (T - datetime(1970, 1, 1)).days
    assert last_day_before(T) == day - 1
    assert last_day_before(T + timedelta(seconds=1)) == day
