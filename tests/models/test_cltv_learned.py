"""cltv_learned: its fifths, what carries it on to years, and that its values add up."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from capflow_assets.conformance.synthetic_shop import AS_OF, make_shop
from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.bgnbd import BGNBD
from capflow_assets.methods.lifetime.likelihood import ConvergenceError
from capflow_assets.models.cltv_learned import CltvLearned


@pytest.fixture(scope="module")
def train() -> list[LabelledSnapshot]:
    small = make_shop(250, seed=6)
    return [small.labelled_snapshot(AS_OF - timedelta(days=days), CltvLearned()) for days in (270, 180)]


@pytest.fixture(scope="module")
def test_date() -> LabelledSnapshot:
    return make_shop(250, seed=6).labelled_snapshot(AS_OF - timedelta(days=90), CltvLearned())


@pytest.fixture(scope="module")
def artefact(train: list[LabelledSnapshot]) -> Artefact:
    return CltvLearned().fit(train, CltvLearned.parameters, 1)


def test_fifths_are_fifths_of_who_it_was_learned_from(artefact: Artefact, train: list[LabelledSnapshot]) -> None:
    found = CltvLearned().predict_quickly(artefact, train[-1])
    shares = found["bucket"].value_counts(normalize=True)
    assert sorted(shares.index) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert shares.between(0.1, 0.3).all()
    highest = found.groupby("bucket")["value"].agg(["min", "max"])
    assert (highest["max"].iloc[:-1].to_numpy() < highest["min"].iloc[1:].to_numpy()).all()


def test_years_are_worth_more_than_a_quarter_and_less_than_the_ratio_of_days(
    artefact: Artefact, test_date: LabelledSnapshot
) -> None:
    found = CltvLearned().predict_quickly(artefact, test_date)
    assert artefact.facts["extrapolation"] == "expected visits by BG/NBD"
    assert BGNBD(**artefact.facts["bgnbd"]).a > 0
    assert (found["value"] < found["value_year"]).all()
    assert (found["value_year"] < found["value_three_years"]).all()
    assert (found["value_three_years"] < found["value"] * 1095 / 90).all()


def test_what_is_predicted_adds_up_to_about_what_is_spent(artefact: Artefact, test_date: LabelledSnapshot) -> None:
    found = CltvLearned().predict_quickly(artefact, test_date)
    assert found["value"].sum() == pytest.approx(test_date.outcome["value"].sum(), rel=0.25)


def test_without_a_process_the_days_carry_it_on_and_the_facts_say_so(
    train: list[LabelledSnapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> BGNBD:
        raise ConvergenceError("BG/NBD did not converge from 4 starts.")

    monkeypatch.setattr(bgnbd, "fit", never)
    model = CltvLearned()
    artefact = model.fit(train[-1:], {**model.parameters, "fixed_trees": 10}, 1)
    told = artefact.facts["extrapolation"]
    assert told == "the ratio of the days, as if no shopper left. BG/NBD did not converge from 4 starts."
    last = train[-1]
    found = model.predict_quickly(artefact, Snapshot(last.customer, last.as_of, last.features, last.tables))
    np.testing.assert_allclose(found["value_year"], found["value"] * 365 / 90)
