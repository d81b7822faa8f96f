"""anomaly: who keeps bringing things back will do so again; who never did will not."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.models.anomaly import OWN, Anomaly

MODEL = Anomaly()
START = datetime(2023, 1, 1)
DATES = [START + timedelta(days=days) for days in (240, 300, 360)]
PARAMETERS = {**MODEL.parameters, "isolation_trees": 20, "most_trees": 40, "forest_trees": 10}
USERS = 120


def line(user: str, day: float, amount: float, back: bool = False) -> dict[str, object]:
    sign = -1.0 if back else 1.0
    return {
        "user_id": user, "bill_id": f"{user} {day} {back}", "item_id": "shoe", "ts": START + timedelta(days=day),
        "quantity": sign, "amount": sign * amount, "is_return": back,
    }  # fmt: skip


def sales() -> pd.DataFrame:
    """Every fourth shopper brings back nine of ten things; half of these stop coming after 200 days."""
    chance = np.random.default_rng(2)
    rows = []
    for number in range(USERS):
        user = f"u{number:03d}"
        for day in np.arange(chance.uniform(0, 20), 200 if number % 8 == 0 else 420, 15.0):
            amount = round(float(chance.uniform(10, 50)), 2)
            rows.append(line(user, day, amount))
            if number % 4 == 0 and chance.random() < 0.9:
                rows.append(line(user, day + 2, amount, back=True))
    return pd.DataFrame(rows).astype({"user_id": "str"})


def snapshot(lines: pd.DataFrame, as_of: datetime) -> LabelledSnapshot:
    past = lines[lines["ts"] < as_of]
    features = past.groupby("user_id", as_index=False).agg(visits=("bill_id", "nunique"), largest=("amount", "max"))
    bare = Snapshot("acme", as_of, features, {"line_items": ibis.memtable(past)})
    later = lines[(lines["ts"] >= as_of) & (lines["ts"] < as_of + timedelta(days=60))]
    return bare.with_outcome(MODEL.outcome(bare, {"line_items": ibis.memtable(later)}))


@pytest.fixture(scope="module")
def fitted() -> tuple[Artefact, Snapshot, pd.DataFrame]:
    *train, test = [snapshot(sales(), date) for date in DATES]
    artefact = MODEL.fit(train, PARAMETERS, 1)
    return artefact, test, MODEL.predict(artefact, test).set_index("user_id")


def test_who_returns_much_and_still_comes_scores_highest(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    prediction = fitted[2]
    number = prediction.index.str[1:].astype(int)
    comes, stopped, others = number % 8 == 4, number % 8 == 0, number % 4 != 0
    assert prediction.loc[comes, "score"].min() > prediction.loc[others, "score"].max()
    assert prediction.loc[comes, "score"].median() > prediction.loc[stopped, "score"].median() + 0.3
    assert any("returned" in reason for reason in prediction["reasons"].to_dict()["u004"])


def test_unusual_is_told_whatever_comes_of_it(fitted: tuple[Artefact, Snapshot, pd.DataFrame]) -> None:
    unusual = fitted[2]["unusual"]
    assert unusual.between(0, 1).all()
    number = fitted[2].index.str[1:].astype(int)
    assert unusual[number % 8 == 0].mean() > unusual[number % 4 != 0].mean() + 0.1


def test_the_label_is_more_than_half_of_the_value_and_something() -> None:
    past = pd.DataFrame([line(user, 0, 10.0) for user in ("half", "more", "keeps", "stays away", "brings back")])
    bare = Snapshot("acme", START + timedelta(days=9), pd.DataFrame(), {"line_items": ibis.memtable(past)})
    window = [
        line("half", 10, 20.0), line("half", 11, 10.0, back=True),
        line("more", 10, 20.0), line("more", 11, 10.01, back=True),
        line("keeps", 10, 20.0), line("brings back", 10, 5.0, back=True), line("new", 10, 5.0, back=True),
    ]  # fmt: skip
    outcome = MODEL.outcome(bare, {"line_items": ibis.memtable(pd.DataFrame(window))})
    assert dict(outcome.to_numpy().tolist()) == {
        "half": 0, "more": 1, "keeps": 0, "stays away": 0, "brings back": 1,
    }  # fmt: skip


def test_the_baseline_is_the_share_returned() -> None:
    lines = pd.DataFrame([line("a", 0, 40.0), line("a", 2, 10.0, back=True), line("b", 0, 40.0)])
    bare = Snapshot("acme", START + timedelta(days=9), pd.DataFrame(), {"line_items": ibis.memtable(lines)})
    assert MODEL.baseline([], bare)["score"].tolist() == [0.25, 0.0]


def test_nobody_returned_is_an_error_in_words() -> None:
    kept = sales().loc[lambda lines: ~lines["is_return"]]
    with pytest.raises(ValueError, match="for 'acme': all"):
        MODEL.fit([snapshot(kept, DATES[0])], PARAMETERS, 1)


def test_every_feature_of_its_own_has_words() -> None:
    assert all("{value" in phrase and phrase.format(value=1.5) for phrase in OWN.values())
