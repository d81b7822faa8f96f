"""Predictions are held against what came true once their horizon has passed, and a dip becomes a request to retrain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.plan import plan
from capflow_assets.training.evaluation.metrics import metric
from capflow_resources.home import Home
from tests.worlds.predicted import EARLY, MODEL, run

Onboard = Callable[..., None]
LATE = datetime(2026, 10, 1)


def test_a_prediction_waits_for_its_horizon(predicted: Home) -> None:
    outcome = run(predicted, EARLY, f"performance/{MODEL}")[f"performance/{MODEL}"]
    assert outcome.status == "waiting"
    assert "sales up to 2026-09-30" in outcome.reason


def test_performance_equals_the_metric_on_what_came_true(predicted: Home) -> None:
    outcome = run(predicted, LATE)[f"performance/{MODEL}"]
    assert outcome.status == "done"
    reader = CustomerRun(predicted, "ann")
    (row,) = reader.read(f"performance/{MODEL}").to_pyarrow().to_pylist()
    assert (row["as_of"], row["version"]) == (EARLY, 1)

    batches = reader.read(f"prediction/{MODEL}")
    prediction = batches.filter(batches.as_of == EARLY).to_pandas()
    bills = reader.read("validated/bills")
    until = EARLY + timedelta(days=60)
    bought = bills.filter(~bills.is_return, bills.user_id.notnull(), bills.ts >= EARLY, bills.ts < until)
    spent = bought.group_by("user_id").aggregate(value=bought.amount.sum()).to_pandas().set_index("user_id")["value"]
    outcomes = prediction[["user_id"]].assign(value=prediction["user_id"].map(spent).fillna(0.0))
    assert row["value"] == pytest.approx(metric("variance_explained").value(outcomes, prediction))


def test_both_batches_are_kept(predicted: Home) -> None:
    run(predicted, LATE)
    batches = CustomerRun(predicted, "ann").read(f"prediction/{MODEL}")
    assert {row["as_of"] for row in batches.select("as_of").distinct().to_pyarrow().to_pylist()} == {EARLY, LATE}


def test_a_dip_is_told(predicted: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A champion that was far better on its test date than its predictions proved to be."""
    champion = predicted.registry.champion("ann", MODEL)
    assert champion is not None
    praised = replace(champion, metrics=replace(champion.metrics, value=0.95, low=0.94, high=0.96))
    monkeypatch.setattr(type(predicted.registry), "champion", lambda *_: praised)
    outcome = run(predicted, LATE, "validation/report", "features/rfm", f"performance/{MODEL}")[f"performance/{MODEL}"]
    assert outcome.status == "done"
    assert "variance_explained fell to" in outcome.facts["dip"]


def test_no_dip_where_there_is_none(predicted: Home) -> None:
    assert run(predicted, LATE)[f"performance/{MODEL}"].facts["dip"] is None


def test_every_model_that_predicted_is_measured(home: Home, onboard: Onboard) -> None:
    onboard("ann")
    first = run(home, datetime(2026, 7, 1), *plan())
    predicted = {name for name in models() if first[f"prediction/{name}"].status == "done"}
    assert len(predicted) >= 3
    outcomes = run(home, datetime(2026, 10, 1), *plan())
    for name in predicted:
        assert outcomes[f"performance/{name}"].status == "done", outcomes[f"performance/{name}"].reason
