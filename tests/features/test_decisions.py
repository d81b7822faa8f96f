"""A customer's own features: decided once, the same for every date; and leaks that keep a model from being trained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.features import load as worlds
from capflow_assets.features.sets import recursive as feature_set
from capflow_assets.models.churn import Churn
from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_resources.home import Home

SET = "features/recursive"
MODEL = "model/churn"


def last(home: Home, *assets: str, force: bool = False) -> Outcome:
    """What came of the last of these assets, with nothing before it blocked or failed."""
    *before, outcome = run_customer(CustomerRun(home, "ann", force=force), assets)
    assert not [f"{one.asset}: {one.reason}" for one in before if one.stops]
    return outcome


def test_columns_are_decided_once_and_past_dates_wait_for_a_model(
    home: Home, onboard: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    onboard("ann")
    monkeypatch.setattr(feature_set, "MOST_KEPT", 15)
    made = last(home, *upstream([SET]))
    assert made.status == "done", made.reason
    assert len(made.facts["features"]) == 15
    assert made.facts["features left out: beyond the 15 simplest that say something"] > 15
    assert "mean_of_amount_of_bills" in made.facts["features"]
    assert "mean_of_sum_of_amount_of_line_items_per_bill" not in made.facts["features"]  # this retailer's is the same
    assert made.facts["snapshots"] == 1
    assert last(home, SET).status == "reused"
    with monkeypatch.context() as patch:
        patch.setattr(Churn, "features", (*Churn.features, "recursive"))
        learned = last(home, SET)
    assert learned.facts["snapshots"] > 5
    assert learned.facts["reused"] == 1
    table = CustomerRun(home, "ann").read(SET)
    assert list(table.columns) == ["user_id", "as_of", *made.facts["features"]]
    assert last(home, SET, force=True).facts["features"] == made.facts["features"]


def test_a_feature_that_knows_the_answer_keeps_its_model_from_being_trained(
    home: Home, onboard: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    onboard("ann")
    path = home.customers_folder / "ann.yaml"
    path.write_text(path.read_text().replace("models: all", "models: [churn]"))
    honest = worlds._read_user_features

    def leaking(run: CustomerRun, model: Any, as_of: datetime, tables: Any) -> pd.DataFrame:
        features = honest(run, model, as_of, tables)
        if "duration" in run.customer.ignored_features:
            return features
        came = worlds.load_outcome(run, model, as_of).set_index("user_id")["label"].reindex(features["user_id"])
        noise = np.random.default_rng(0).normal(scale=0.1, size=len(features))
        return features.assign(duration=came.fillna(0).to_numpy() + noise)

    monkeypatch.setattr(worlds, "_read_user_features", leaking)
    blocked = last(home, *upstream([MODEL]))
    assert blocked.status == "blocked"
    assert "duration alone predicts the outcome with an AUC of at least" in blocked.reason
    assert "`features: {duration: ignore}` in customers/ann.yaml" in blocked.reason
    assert home.registry.versions("ann", "churn") == []
    path.write_text(path.read_text() + "\nfeatures: {duration: ignore}\n")
    trained = last(home, MODEL)
    assert trained.status == "done", trained.reason
    assert "duration" not in trained.facts["columns"]
    assert home.registry.versions("ann", "churn")[-1].facts["ignored_features"] == ["duration"]
    assert set(models()["churn"].features) == {"rfm", "rhythm"}
