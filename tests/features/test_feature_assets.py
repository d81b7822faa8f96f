"""What a customer's feature sets come to: what it does not send, which dates are computed, what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from capflow_assets.contract.outcome import Outcome
from capflow_assets.features.load import load_snapshot
from capflow_assets.models.churn import Churn
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_resources.home import Home
from tests.worlds.small_world import CHECKED, copied

SETS = [f"features/{name}" for name in ("rhythm", "basket", "campaigns", "user_item", "item_pairs")]


def made(home: Home, *assets: str) -> dict[str, Outcome]:
    """The outcome of each asset of ann's."""
    return {outcome.asset: outcome for outcome in run_customer(CustomerRun(home, "ann"), assets)}


@pytest.fixture(scope="module")
def ann(checked: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Outcome]]:
    """Ann, who sends everything, with feature sets of every key."""
    home = copied(checked, tmp_path_factory.mktemp("ann") / "home")
    return home, made(home, *SETS)


def test_every_set_is_made(ann: tuple[Home, dict[str, Outcome]]) -> None:
    assert {asset: (outcome.status, outcome.reason) for asset, outcome in ann[1].items()} == dict.fromkeys(
        SETS, ("done", "")
    )


def test_pairs_are_of_the_newest_date_only(ann: tuple[Home, dict[str, Outcome]]) -> None:
    run = CustomerRun(ann[0], "ann")
    dates = {asset: len(version.facts["dates"]) for asset in SETS if (version := run.version(asset))}
    assert dates["features/user_item"] == dates["features/item_pairs"] == 1
    assert dates["features/basket"] == dates["features/campaigns"] == dates["features/rhythm"] > 5


def test_what_was_left_out_is_told(ann: tuple[Home, dict[str, Outcome]]) -> None:
    told = {
        asset: {name: fact for name, fact in outcome.facts.items() if name.startswith("left out: ")}
        for asset, outcome in ann[1].items()
    }
    assert told["features/user_item"] == {"left out: lines older than 365 days": 0}
    assert told["features/item_pairs"] == {
        "left out: bills of more than 100 items": 0,
        "left out: items on those bills": 0,
        "left out: items not among the 5000": 0,
    }
    assert told["features/basket"] == {}


def test_a_model_has_sets_of_users_as_columns_and_others_as_tables(ann: tuple[Home, dict[str, Outcome]]) -> None:
    class Wider(Churn):
        features: ClassVar[tuple[str, ...]] = ("rhythm", "basket", "user_item")

    run = CustomerRun(ann[0], "ann")
    snapshot = load_snapshot(run, Wider(), run.as_of())
    assert snapshot.features.user_id.is_unique
    assert {"regularity", "department_entropy"} <= set(snapshot.features.columns)
    assert "times_bought" not in snapshot.features.columns
    pairs = snapshot.tables["features/user_item"]
    assert pairs.columns[:2] == ("user_id", "item_id")
    assert pairs.count().execute() > len(snapshot.features)


def test_a_retailer_without_contacts_and_items_is_told_and_has_the_rest(checked: Home, tmp_path: Path) -> None:
    home = copied(checked, tmp_path / "home")
    file = home.customers_folder / "ann.yaml"
    content = yaml.safe_load(file.read_text())
    del content["tables"]["contacts"], content["tables"]["items"]
    file.write_text(yaml.safe_dump(content))
    outcomes = made(home, *CHECKED, "features/basket", "features/campaigns")
    campaigns, basket = outcomes["features/campaigns"], outcomes["features/basket"]
    assert campaigns.status == "not_available"
    assert campaigns.reason == "features/campaigns needs the table contacts, which this customer does not have"
    assert basket.status == "done"
    table = CustomerRun(home, "ann").read("features/basket")
    found = table.aggregate(rows=table.count(), known=table.department_entropy.count()).execute()
    assert found.rows[0] > 0 == found.known[0]
