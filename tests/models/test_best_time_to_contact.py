"""best_time_to_contact: who comes on Tuesday evenings is told so; who came once is told the shop's best times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.models.best_time_to_contact import PART_STARTS, PARTS, SLOTS, BestTimeToContact, slot_of

T = datetime(2024, 3, 4)  # a Monday
MODEL = BestTimeToContact()


def bills(visits: Sequence[tuple[str, datetime]], **more: Any) -> ibis.Table:
    frame = pd.DataFrame(visits, columns=["user_id", "ts"]).astype({"user_id": "str", "ts": "datetime64[us]"})
    return ibis.memtable(frame.assign(amount=5.0, is_return=False, **more))


def weekly(user: str, weekday: int, hour: int, weeks: int, back: int = 0) -> list[tuple[str, datetime]]:
    return [
        (user, T - timedelta(weeks=k) + timedelta(days=weekday, hours=hour)) for k in range(1 + back, weeks + 1 + back)
    ]


def visits() -> list[tuple[str, datetime]]:
    crowd = [visit for n in range(30) for visit in weekly(f"sat{n:02d}", 5, 11, 6)]
    tuesday = weekly("tuesday", 1, 18, 12)
    return [
        *crowd,
        *tuesday,
        *weekly("once", 3, 8, 1),
        *weekly("turned", 1, 18, 20, back=30),
        *weekly("turned", 4, 8, 8),
    ]


def world(**tables: ibis.Table) -> Snapshot:
    return Snapshot("acme", T, pd.DataFrame(), {"bills": bills(visits()), **tables})


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, pd.DataFrame]:
    artefact = MODEL.fit([world()], MODEL.parameters, 1)
    return artefact, MODEL.predict(artefact, world())


def slots_of(prediction: pd.DataFrame, user: str) -> list[str]:
    return prediction.loc[prediction["user_id"] == user, "slot"].tolist()


def test_every_moment_of_the_week_has_its_slot() -> None:
    hours = [datetime(2024, 3, 4) + timedelta(hours=hour) for hour in range(168)]
    seconds = np.array([int((hour - datetime(1970, 1, 1)).total_seconds()) for hour in hours])
    found = [SLOTS[slot] for slot in slot_of(seconds)]
    assert found[:7] == ["Mon 00-07"] * 7
    assert found[24 + 17 : 24 + 21] == ["Tue 17-21"] * 4
    assert found[-1] == "Sun 21-24"
    assert set(found) == set(SLOTS)
    assert [int(part[:2]) for part in PARTS] == list(PART_STARTS)


def test_a_regular_is_told_their_own_time_and_a_newcomer_the_shops(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    prediction = fitted[1]
    assert slots_of(prediction, "tuesday")[0] == "Tue 17-21"
    assert "Sat 10-13" in slots_of(prediction, "once")[:2]
    reasons = prediction[prediction["user_id"] == "tuesday"]["reasons"].iloc[0]
    assert "came at this time on 12 of 12 visits" in reasons


def test_recent_habits_count_more(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    assert slots_of(fitted[1], "turned")[:2] == ["Fri 07-10", "Tue 17-21"]  # 8 lately beat 20 half a year ago
    slow = MODEL.fit([world()], {"half_life_days": 3650.0}, 1)
    assert slots_of(MODEL.predict(slow, world()), "turned")[:2] == ["Tue 17-21", "Fri 07-10"]


def test_ten_slots_with_falling_shares(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    for _, rows in fitted[1].groupby("user_id"):
        assert rows["rank"].tolist() == list(range(1, 11))
        assert rows["slot"].is_unique
        assert rows["score"].is_monotonic_decreasing
        assert rows["score"].sum() <= 1 + 1e-12


def test_answers_to_contacts_are_signs_too(fitted: tuple[Artefact, pd.DataFrame]) -> None:
    answered = [T - timedelta(days=7 * k) + timedelta(days=6, hours=22) for k in range(1, 9)]
    contacts = pd.DataFrame({"user_id": "once", "responded_at": [*answered, None]}).astype({"user_id": "str"})
    snapshot = world(contacts=ibis.memtable(contacts))
    assert slots_of(MODEL.predict(fitted[0], snapshot), "once")[0] == "Sun 21-24"


def test_the_outcome_is_what_happened_in_the_window_to_known_shoppers() -> None:
    window = [
        ("once", T + timedelta(hours=9)),
        ("once", T + timedelta(days=7, hours=8)),
        ("new", T + timedelta(hours=9)),
    ]
    late = [("tuesday", T + timedelta(days=30)), ("tuesday", T + timedelta(days=3))]
    outcome = MODEL.outcome(world(), {"bills": bills(window + late)})
    assert outcome.to_dict("records") == [{"user_id": "once", "slot": "Mon 07-10"}]


def test_sales_without_a_time_of_day_teach_nothing() -> None:
    dated = [(user, ts.replace(hour=0)) for user, ts in visits()]
    snapshot = replace(world(), tables={"bills": bills(dated)})
    with pytest.raises(ValueError, match="with a time of day"):
        MODEL.fit([snapshot], MODEL.parameters, 1)
