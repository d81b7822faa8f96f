"""Training without hands: what was chosen and why is kept, the same data gives the same version, a record is enough."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.contract.model import Artefact, Model
from capflow_assets.contract.outcome import Outcome
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.models.churn import Churn
from capflow_assets.prediction import predict_with as predicting
from capflow_assets.prediction.version_facts import POOL, RULES
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_assets.simulator import customer_file, simulate, write
from capflow_assets.training.rebuild import rebuild
from capflow_resources.home import Home
from capflow_resources.registry import Event, Version
from tests.conftest import SHOP

TRAINING = """training:
  tuning_seconds: 4
  pool: {give: true}
  settings: {churn: {price_of_contact: 0.5, value_of_success: 5}}
"""


def on_board(home: Home, name: str, data: Path, more: str) -> None:
    home.customers_folder.mkdir(parents=True, exist_ok=True)
    text = customer_file(replace(SHOP, name=name), "parquet", str(data)).replace("models: all", "models: [churn]")
    (home.customers_folder / f"{name}.yaml").write_text(text + more, encoding="utf-8")


def tiny(home: Home, folder: Path, more: str = "") -> Outcome:
    """Train for a retailer of 60 shoppers, too few for an own model."""
    if not folder.exists():
        write(simulate(replace(SHOP, users=60, seed=9)), "parquet", folder)
    on_board(home, "tiny", folder, more)
    return train(home, "tiny")


def train(home: Home, name: str, force: bool = False) -> Outcome:
    run = CustomerRun(home, name)
    if force:
        run.force = True
        assets = ["model/churn"]
    else:
        assets = upstream(["prediction/churn"])
    try:
        made = {outcome.asset: outcome for outcome in run_customer(run, assets)}
    finally:
        run.close()
    assert not [one for one in made.values() if one.stops], made
    return made["model/churn"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shop_data: dict[str, Path]) -> Iterator[Home]:
    """ann, and bob whose data are the same, trained one after the other."""
    home = Home(tmp_path_factory.mktemp("training") / "home")
    for name in ("ann", "bob"):
        on_board(home, name, shop_data["sound"], TRAINING)
        train(home, name)
    yield home
    home.registry.close()


def version(home: Home, name: str, number: int = 1) -> Version:
    return home.registry.version(name, "churn", number)


def test_what_was_found_is_kept_with_the_version(shop: Home) -> None:
    found = version(shop, "ann")
    assert len(found.facts["train_dates"]) == 2
    assert set(found.columns) == set(found.facts["chosen_columns"])
    assert found.parameters["price_of_contact"] == 0.5
    assert found.facts["decision"]["threshold"] == 0.1
    assert set(Churn.search_space) <= set(found.parameters)
    assert sum(found.facts["ensemble"]["weights"].values()) == pytest.approx(1.0)


def test_the_same_data_and_seed_give_the_same_version_elsewhere(
    shop: Home, tmp_path: Path, shop_data: dict[str, Path]
) -> None:
    other = Home(tmp_path / "home")
    on_board(other, "ann", shop_data["sound"], TRAINING)
    train(other, "ann")
    assert version(other, "ann").digest == version(shop, "ann").digest


def test_training_again_gives_the_same_version(shop: Home) -> None:
    assert train(shop, "ann").status == "reused"
    assert train(shop, "ann", force=True).status == "done"
    assert [one.number for one in shop.registry.versions("ann", "churn")] == [1]


def test_another_process_makes_the_champion_again_from_its_record(shop: Home) -> None:
    command = [
        str(Path(sys.executable).with_name("capflow")),
        "model",
        "rebuild",
        "ann",
        "churn",
        "--version",
        "1",
        "--json",
    ]
    environment = {**os.environ, "CAPFLOW_HOME": str(shop.path)}
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, env=environment)
    made = json.loads(told.stdout)
    assert made["same"] is True
    assert made["code_changed"] is False
    assert made["digest"] == version(shop, "ann").digest


def test_a_champion_that_todays_code_cannot_ask_is_not_compared_with(
    shop: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, asks = version(shop, "ann"), predicting.predict_by_rung

    def answer(model: Model, artefact: Artefact, snapshot: Snapshot) -> Any:
        if "recipe" in artefact.facts:  # a registered version, not the one just fitted
            raise KeyError("a column that it was never fitted on")
        return asks(model, artefact, snapshot)

    monkeypatch.setattr(predicting, "predict_by_rung", answer)
    monkeypatch.setattr(type(shop.registry), "champion", lambda *_: champion)
    run = CustomerRun(shop, "ann")
    run.force = True
    assert [one.status for one in run_customer(run, ["model/churn"])] == ["failed"], "the code's own mistake"
    monkeypatch.setattr(predicting, "training_code", lambda _: "newer")
    trained, predicted = run_customer(run, ["model/churn", "prediction/churn"])
    run.close()
    assert trained.status == "done"
    assert "v1 was made by other code, and today's code cannot use it (KeyError" in trained.reason
    assert predicted.status == "blocked"
    assert "install the release that made it, or fix the model" in predicted.reason


def test_a_model_without_a_champion_says_why(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(shop.registry), "champion", lambda *_: None)
    run = CustomerRun(shop, "ann")
    (bare,) = run_customer(run, ["prediction/churn"])
    kept = Event(1, "ann", "churn", 3, "kept", "auc 0.6 against 0.7 of the baseline", datetime(2026, 11, 1))
    monkeypatch.setattr(type(shop.registry), "events", lambda *_: [kept])
    (told,) = run_customer(run, ["prediction/churn"])
    run.close()
    assert bare.status == told.status == "not_available"
    assert told.reason == "no version of churn is champion for 'ann': v3: auc 0.6 against 0.7 of the baseline"


def test_a_record_of_other_settings_is_made_into_another_model(shop: Home) -> None:
    run, found = CustomerRun(shop, "ann"), version(shop, "ann")
    try:
        made = rebuild(run, replace(found, parameters={**found.parameters, "lambda_l2": 500.0}, code_version="old"))
    finally:
        run.close()
    assert "boosting.txt" in made.different
    assert made.code_changed


def test_a_setting_that_the_model_does_not_have_is_refused(
    tmp_path: Path, shop: Home, shop_data: dict[str, Path]
) -> None:
    text = TRAINING.replace("price_of_contact", "prize_of_contact")
    on_board(shop, "ann", shop_data["sound"], text)
    run = CustomerRun(shop, "ann")
    try:
        made = list(run_customer(run, ["model/churn"]))
    finally:
        run.close()
        on_board(shop, "ann", shop_data["sound"], TRAINING)
    assert made[0].status == "blocked"
    assert "did you mean 'price_of_contact'?" in made[0].reason


def test_a_small_customer_has_a_rule_until_there_is_data(shop: Home, tmp_path: Path) -> None:
    made = tiny(shop, tmp_path / "tiny")
    assert "a rule, until there is data to learn from (churn needs at least 200 identified shoppers" in made.reason
    champion = shop.registry.champion("tiny", "churn")
    assert champion is not None
    assert champion.facts["rung"] == RULES
    predicted = predictions(shop, "tiny")
    assert len(predicted) > 10
    assert {reason for row in predicted for reason in row["reasons"]} == {
        "a rule, for lack of data to learn from: days since the last visit"
    }
    assert train(shop, "tiny").status == "reused"


def test_a_small_customer_learns_from_the_pool_only_while_both_sides_want_it(
    shop: Home, tmp_path: Path, shop_data: dict[str, Path]
) -> None:
    takes = "training: {pool: {take: true}}\n"
    tiny(shop, tmp_path / "tiny", takes)
    learned = shop.registry.versions("tiny", "churn")[-1]
    assert learned.facts["rung"] == POOL
    assert learned.facts["contributors"] == ["ann", "bob"]
    assert "200 identified shoppers" in learned.facts["why_no_own_model"]
    assert train(shop, "tiny").status == "reused"

    on_board(shop, "bob", shop_data["sound"], TRAINING.replace("give: true", "give: false"))
    tiny(shop, tmp_path / "tiny", takes)
    assert shop.registry.versions("tiny", "churn")[-1].facts["rung"] == RULES
    assert train(shop, "bob").status == "reused"
    assert list(shop.pool.contributions(SHOP.vertical, "churn", "tiny")) == ["ann"]


def test_who_gives_again_or_is_removed_is_heeded_and_who_learns_alone_is_left_alone(
    shop: Home, tmp_path: Path, shop_data: dict[str, Path]
) -> None:
    both = TRAINING.replace("give: true", "give: true, take: true")
    on_board(shop, "bob", shop_data["sound"], both)
    train(shop, "bob")
    assert list(shop.pool.contributions(SHOP.vertical, "churn", "ann")) == ["bob"], "gives again"
    shop.pool.give(SHOP.vertical, "churn", "ann", b"something else")
    assert train(shop, "bob").status == "reused", "it has an own model, whatever others give"
    train(shop, "ann", force=True)

    takes = "training: {pool: {take: true}}\n"
    tiny(shop, tmp_path / "tiny", takes)
    assert shop.registry.versions("tiny", "churn")[-1].facts["rung"] == POOL
    (shop.customers_folder / "bob.yaml").unlink()
    tiny(shop, tmp_path / "tiny", takes)
    assert shop.registry.versions("tiny", "churn")[-1].facts["rung"] == RULES, "nobody learns from who is gone"


def predictions(home: Home, name: str) -> list[dict[str, Any]]:
    run = CustomerRun(home, name)
    try:
        return list(run.read("prediction/churn").to_pyarrow().to_pylist())
    finally:
        run.close()
