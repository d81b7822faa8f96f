"""Plug-ins of other packages, unusual and broken ones, in a run of one customer."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_resources.home import Home
from tests.run.test_older_home import SHOP, home, unpacked  # noqa: F401


def ask_for(home: Home, model: str) -> None:  # noqa: F811
    file = Path(home.customers_folder / f"{SHOP}.yaml")
    file.write_text(file.read_text().replace("models: [", f"models: [{model}, "))


def test_a_model_that_ranks_brands_runs_for_its_customer(home: Home, offered: list[EntryPoint]) -> None:  # noqa: F811
    from capflow_assets.graph.specs import asset_specs

    offered.append(EntryPoint("brands", "tests.run.favourite_brand:FavouriteBrand", "capflow.models"))
    ask_for(home, "favourite_brand")
    columns = next(spec for spec in asset_specs() if spec.key.path == ["prediction", "favourite_brand"]).metadata
    assert "brand" in [column.name for column in columns["dagster/column_schema"].columns]
    run = CustomerRun(home, SHOP)
    outcomes = {o.asset: o for o in run_customer(run, upstream(["prediction/favourite_brand"]))}
    assert outcomes["model/favourite_brand"].status == "done", outcomes["model/favourite_brand"].reason
    prediction = outcomes["prediction/favourite_brand"]
    assert prediction.status == "done", prediction.reason
    assert "brand" in run.read("prediction/favourite_brand").columns
    run.close()


def test_a_broken_model_fails_alone_with_one_line(home: Home, offered: list[EntryPoint]) -> None:  # noqa: F811
    offered.append(EntryPoint("windfall", "no_such_package:Windfall", "capflow.models"))
    ask_for(home, "windfall")
    run = CustomerRun(home, SHOP)
    wanted = ["model/windfall", "prediction/windfall", "prediction/rfm_segments"]
    outcomes = {o.asset: o for o in run_customer(run, wanted)}
    run.close()
    assert outcomes["model/windfall"].status == "failed"
    assert "no_such_package" in outcomes["model/windfall"].reason
    assert "\n" not in outcomes["model/windfall"].reason
    assert outcomes["prediction/windfall"].status == "blocked"
    assert outcomes["prediction/rfm_segments"].status in ("done", "reused")
