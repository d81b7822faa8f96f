"""purchase: who is asked about, what counts as a purchase, and an obvious buyer."""

from __future__ import annotations

from datetime import timedelta

import ibis
import pandas as pd
import pytest

from capflow_assets.conformance.synthetic_shop import AS_OF, make_shop
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods.ensemble.pooled import Contribution
from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.likelihood import ConvergenceError
from capflow_assets.models.purchase import Purchase
from capflow_assets.training.evaluation.metrics import metric
from tests.models.test_churn import T, bills


def test_a_purchase_is_a_bill_of_a_shopper_of_the_last_year_within_30_days() -> None:
    past = [("buys", -10, 5.0, False), ("waits", -365, 5.0, False), ("long gone", -366, 5.0, False)]
    past += [("returns", -20, 5.0, False), (None, -5, 5.0, False)]
    later = [("buys", 29, 5.0, False), ("returns", 3, -5.0, True), ("new", 3, 5.0, False), ("long gone", 3, 5.0, False)]
    snapshot = Snapshot("acme", T, pd.DataFrame(), {"bills": ibis.memtable(bills(past))})
    outcome = Purchase().outcome(snapshot, {"bills": ibis.memtable(bills(later))})
    assert dict(outcome.itertuples(index=False, name=None)) == {"buys": 1, "returns": 0, "waits": 0}


def test_the_decision_follows_from_what_a_contact_costs() -> None:
    small, model = make_shop(150, seed=2), Purchase()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (90, 60)]
    artefact = model.fit(train, {**model.parameters, "price_of_contact": 0.5, "value_of_success": 20.0}, 1)
    assert artefact.facts["decision"]["threshold"] == 0.025


def test_what_bgnbd_says_is_learned_from_and_blended_in() -> None:
    small, model = make_shop(150, seed=2), Purchase()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (90, 60)]
    artefact = model.fit(train, dict(model.parameters), 1)
    assert artefact.facts["ensemble"]["weights"]["rule"] > 0
    assert set(artefact.facts["background"]["bgnbd"]) == {"r", "alpha", "a", "b"}
    test = small.labelled_snapshot(AS_OF - timedelta(days=30), model)
    reasons = model.predict(artefact, test)["reasons"].explode()
    assert reasons.str.contains("judging by past visit dates").any()


def test_a_small_retailer_learns_from_others_how_its_shoppers_stand_by_bgnbd_too() -> None:
    model, giver, taker = Purchase(), make_shop(200, seed=2), make_shop(60, seed=3)
    train = [giver.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (90, 60)]
    given = {name: model.contribute(train, seed) for seed, name in enumerate(("ann", "bob"))}
    assert Contribution.from_bytes(given["ann"]).columns[-1] == "by_visits"
    test = taker.labelled_snapshot(AS_OF - timedelta(days=30), model)
    artefact = model.fit_pooled(given, test, dict(model.parameters), 1)
    assert "rule" not in artefact.facts["ensemble"]["weights"], "a standing is no probability"
    told = model.predict(artefact, test)
    assert metric("auc").value(test.outcome, told) > 0.6


def test_where_bgnbd_finds_no_process_the_others_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bgnbd, "fit", never)
    small, model = make_shop(150, seed=2), Purchase()
    train = [small.labelled_snapshot(AS_OF - timedelta(days=days), model) for days in (90, 60)]
    artefact = model.fit(train, dict(model.parameters), 1)
    assert artefact.facts["background"] == {"bgnbd": None}
    score = model.predict(artefact, small.labelled_snapshot(AS_OF - timedelta(days=30), model))["score"]
    assert score.between(0, 1).all()
    assert score.std() > 0.1


def never(*_: object) -> bgnbd.BGNBD:
    raise ConvergenceError("no")


def test_the_baseline_prefers_who_came_often_and_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    often = [("often", -day, 5.0, False) for day in range(7, 300, 14)]
    quit_it = [("quit", -day, 5.0, False) for day in range(150, 300, 7)]
    others = [(f"u{user}", -day, 5.0, False) for user in range(20) for day in range(10 + user, 300, 20 + 5 * user)]
    once = [("long gone", -500, 5.0, False)]
    snapshot = Snapshot("acme", T, pd.DataFrame(), {"bills": ibis.memtable(bills([*often, *quit_it, *others, *once]))})
    score = Purchase().baseline([], snapshot).set_index("user_id")["score"]
    assert score["often"] > 0.5 > score["quit"]
    assert "long gone" not in score.index

    monkeypatch.setattr(bgnbd, "fit", never)
    plain = Purchase().baseline([], snapshot).set_index("user_id")["score"]
    assert plain["quit"] == plain.max(), "22 visits in the year, the most of all"
