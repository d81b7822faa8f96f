"""A vertical's bounds stand between the customer file and the defaults, and are learned from five customers or more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from capflow_assets.cli import group
from capflow_assets.contract.validation_report import ValidationReport
from capflow_assets.run.customer_run import REPORT, CustomerRun
from capflow_assets.validation.bounds import find_kpis
from capflow_assets.validation.history.figures import EVERY
from capflow_assets.validation.kpis.kpis import KPIS
from capflow_assets.validation.verticals import SHIPPED, load_thresholds, propose_bounds
from capflow_resources.home import Home
from partitions.customer import Customer
from partitions.verticals_file import normalise_vertical

SHOP = Customer("acme", "Fashion", "GBP", "UTC", {}, {})
FILE = """name: {name}
vertical: {vertical}
currency: GBP
timezone: UTC
sources: {{sales: {{kind: csv, uri: /sales.csv}}}}
tables: {{line_items: {{source: sales, columns: {{item_id: a, unit_price: b}}}}}}
"""


def returned(customer: Customer, **vertical: float) -> tuple[bool, str]:
    found = {one.kpi: one for one in find_kpis({"return_share": 0.6}, customer, vertical)}["return_share"]
    return found.passed, found.source


def test_the_file_comes_before_the_vertical_and_that_before_the_default() -> None:
    assert returned(SHOP) == (False, "default")
    assert returned(SHOP, **load_thresholds("Fashion")) == (True, "vertical")
    assert returned(SHOP, return_share=0.55) == (False, "vertical")
    assert returned(replace(SHOP, thresholds={"return_share": 0.61}), return_share=0.1) == (True, "customer file")


def test_shipped_bounds_are_of_figures_that_there_are() -> None:
    for vertical, bounds in SHIPPED.items():
        assert vertical == normalise_vertical(vertical)
        assert set(bounds) <= {*KPIS, *EVERY}


def test_the_operators_file_comes_before_the_shipped_bounds(tmp_path: Path) -> None:
    (tmp_path / "verticals.yaml").write_text("fashion: {return_share: 0.3}\n")
    assert load_thresholds("fashion", tmp_path)["return_share"] == 0.3
    assert load_thresholds("coffee", tmp_path) == SHIPPED["coffee"]
    assert load_thresholds("unheard of", tmp_path) == {}


def test_bounds_are_proposed_with_room_above_the_largest_share() -> None:
    reports = [
        {"return_share": share, "bills": 100.0, "anonymous_share": None} for share in (0.1, 0.12, 0.2, 0.05, 0.1)
    ]
    assert propose_bounds(reports) == {"return_share": 0.3}
    with pytest.raises(ValueError, match="4 customers passed; at least 5 are needed"):
        propose_bounds(reports[:4])


def on_board(home: Home, name: str, vertical: str, share: float, *reasons: str) -> None:
    """A customer as validation leaves it: its file, its tables, its report and its verdict."""
    home.customers_folder.mkdir(parents=True, exist_ok=True)
    (home.customers_folder / f"{name}.yaml").write_text(FILE.format(name=name, vertical=vertical))
    for asset in ("raw/line_items", "validated/line_items"):
        home.lake.write(name, asset, pa.table({"item_id": ["tea"]}), {"fingerprint": "1"})
    report = {"customer": name, "values": {"return_share": share}}
    stored = ValidationReport("1", datetime(2026, 7, 2), None, None, 9, 9, json.dumps(report))
    home.lake.put_document(name, REPORT, stored.to_json().encode())
    CustomerRun(home, name).publish_verdict(reasons)


def test_an_operator_learns_a_vertical(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(5):
        on_board(home, f"shop{number}", "toys", 0.02 * (number + 1))
    on_board(home, "bad", "toys", 0.9, "most lines are returns")
    on_board(home, "cafe", "coffee", 0.9)
    run = CliRunner()
    found = run.invoke(group, ["vertical", "learn", "Toys", "--home", str(tmp_path)])
    assert "toys:\n  return_share: 0.15\n" in found.output
    assert not (tmp_path / "verticals.yaml").exists()
    assert run.invoke(group, ["vertical", "learn", "toys", "--write", "--home", str(tmp_path)]).exit_code == 0
    assert load_thresholds("toys", tmp_path) == {"return_share": 0.15}
    again = run.invoke(group, ["vertical", "learn", "toys", "--write", "--home", str(tmp_path)])
    assert (again.exit_code, "has 'toys' already" in again.output) == (1, True)
    few = run.invoke(group, ["vertical", "learn", "coffee", "--home", str(tmp_path)])
    assert "1 customers passed; at least 5 are needed" in few.output
    shown = run.invoke(group, ["vertical", "show", "toys", "--json", "--home", str(tmp_path)])
    assert json.loads(shown.output) == {"return_share": 0.15}
