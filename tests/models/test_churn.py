"""churn: who is asked about, what counts as a lapse, and an obvious one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.conformance.synthetic_shop import AS_OF, SyntheticShop, features, make_shop
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods.ensemble.feature_matrix import numeric_columns
from capflow_assets.methods.phrases import feature_phrases, strongest_reasons
from capflow_assets.models.churn import Churn

T = datetime(2024, 3, 1)


def bills(rows: list[tuple[str | None, int, float, bool]]) -> pd.DataFrame:
    """Bills of (user, days after T, amount, is_return)."""
    return pd.DataFrame(
        {
            "bill_id": [f"b{number}" for number in range(len(rows))],
            "user_id": pd.Series([row[0] for row in rows], dtype="str"),
            "ts": [T + timedelta(days=row[1], hours=12) for row in rows],
            "amount": [row[2] for row in rows],
            "is_return": [row[3] for row in rows],
        }
    )


def test_a_lapse_is_an_active_shopper_without_a_purchase_in_60_days() -> None:
    past = [("stays", -10, 5.0, False), ("lapses", -180, 5.0, False), ("long gone", -181, 5.0, False)]
    past += [("only returned", -5, -5.0, True), (None, -5, 5.0, False), ("returns", -20, 5.0, False)]
    later = [("stays", 0, 5.0, False), ("returns", 3, -5.0, True), ("new", 3, 5.0, False)]
    snapshot = Snapshot("acme", T, pd.DataFrame(), {"bills": ibis.memtable(bills(past))})
    outcome = Churn().outcome(snapshot, {"bills": ibis.memtable(bills(later))})
    assert dict(outcome.itertuples(index=False, name=None)) == {"lapses": 1, "returns": 1, "stays": 0}


@pytest.fixture(scope="module")
def small() -> SyntheticShop:
    return make_shop(150, seed=2)


def test_the_obvious_churner_scores_highest(small: SyntheticShop) -> None:
    model = Churn()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (180, 120)]
    artefact = model.fit(train, model.parameters, 1)
    weekly = [("regular", -7 * week - 1, 20.0, False) for week in range(20)]
    quit_it = [("quit", -7 * week - 150, 20.0, False) for week in range(20)]
    rows = bills(weekly + quit_it)
    snapshot = Snapshot(
        "acme", T, features({"bills": rows, "contacts": small.frames["contacts"]}, T), {"bills": ibis.memtable(rows)}
    )
    prediction = model.predict(artefact, snapshot).set_index("user_id")
    assert prediction.loc["quit", "score"] > prediction.loc["regular", "score"] + 0.3
    assert any("150" in reason or "away" in reason for reason in prediction.loc["quit", "reasons"])


def test_other_columns_than_numbers_are_left_out() -> None:
    frame = pd.DataFrame({"user_id": ["a"], "b_share": [0.5], "a_days": [1], "city": ["Ely"], "is_vip": [True]})
    assert numeric_columns(frame) == ("a_days", "b_share", "is_vip")


def test_a_missing_feature_is_told_by_name(small: SyntheticShop) -> None:
    model = Churn()
    snapshot = small.labelled_snapshot(AS_OF - timedelta(days=60), model)
    artefact = model.fit([snapshot], model.parameters, 1)
    less = replace(snapshot, features=snapshot.features.drop(columns="recency_days"))
    with pytest.raises(ValueError, match=r"'acme'.*recency_days"):
        model.predict(artefact, less)


def test_one_class_cannot_be_learned(small: SyntheticShop) -> None:
    model = Churn()
    snapshot = small.labelled_snapshot(AS_OF - timedelta(days=60), model)
    with pytest.raises(ValueError, match=r"'acme'.*alike"):
        model.fit([snapshot.with_outcome(snapshot.outcome.assign(label=0))], model.parameters, 1)


def test_calibrated_scores_average_to_the_rate(small: SyntheticShop) -> None:
    model = Churn()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (180, 120)]
    test = small.labelled_snapshot(AS_OF - timedelta(days=60), model)
    score = model.predict(model.fit(train, model.parameters, 1), test)["score"]
    assert score.between(0, 1).all()
    assert score.mean() == pytest.approx(test.outcome["label"].mean(), abs=0.12)


def test_reasons_are_the_strongest_pushes_in_the_direction_of_the_score() -> None:
    contributions = np.array(
        [[0.9, -0.5, 0.3, 0.1], [0.1, -0.9, -0.2, 0.0], [0.5, 0.2, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    )
    values = np.array([[62.0, 1, 2, 3], [4.0, 9, 2, 3], [np.nan, 9, 2, 3], [1.0, 1, 1, 1]])
    told = feature_phrases(("rfm",), ["recency_days", "b_count", "c_share", "d_days"])
    assert strongest_reasons(contributions, values, list(told), told) == [
        ["last visit 62 days ago", "c share 2", "d days 3"],
        ["b count 9", "c share 2"],
        ["b count 9"],
        ["not much is known about this shopper yet"],
    ]


def test_phrases_of_the_feature_sets_are_kept_with_the_model() -> None:
    from capflow_assets.run.catalogue import feature_sets

    names = [feature.name for name in Churn.features for feature in feature_sets()[name].features]
    kept = feature_phrases(Churn.features, names)
    assert all("{value" in phrase for phrase in kept.values())
    for phrase in kept.values():
        assert phrase.format(value=1.5)
