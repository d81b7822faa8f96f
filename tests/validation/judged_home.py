"""A home whose customers were judged, each with another verdict; nothing after validation is computed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import until
from capflow_assets.simulator import customer_file
from capflow_resources.home import Home
from tests.conftest import SHOP
from tests.worlds.once import made_once
from tests.worlds.small_world import copied

EVIL = "Tea <script>window.ran = true</script><img src='http://x.example/i.png' onerror='window.ran = true'>"


def add(home: Home, name: str, data: Path, **changed: str) -> None:
    """Write a customer file for `data`, with texts of it `changed`."""
    home.customers_folder.mkdir(parents=True, exist_ok=True)
    text = customer_file(replace(SHOP, name=name), "parquet", str(data))
    for old, new in changed.items():
        assert f"{old}:" in text
        text = text.replace(f"{old}:", f"{new}  #")
    (home.customers_folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def judge(home: Home, name: str) -> dict[str, str]:
    """Judge the customer's data, without Dagster, and return the status of each asset."""
    run = CustomerRun(home, name)
    try:
        return {outcome.asset: outcome.status for outcome in run_customer(run, until("validation"))}
    finally:
        run.close()


def spoil(data: Path, folder: Path) -> Path:
    """The same files with an item below zero whose description tries to run."""
    import pandas as pd

    shutil.copytree(data, folder)
    items = pd.read_parquet(folder / "articles.parquet")
    items.loc[0, ["ArticleText", "RetailPrice"]] = [EVIL, -1.0]
    items.to_parquet(folder / "articles.parquet")
    return folder


def judged_home(factory: pytest.TempPathFactory, data: Mapping[str, Path]) -> Home:
    """ann passes, bob has a file loaded twice and an item that tries to run, cleo's lines fail their audit.

    dan's file is broken and zoe was never run. A copy of one that is made once.
    """
    made = made_once(factory, "judged", lambda path: _make(path, data))
    return copied(Home(made), factory.mktemp("judged") / "home")


def _make(path: Path, data: Mapping[str, Path]) -> None:
    home = Home(path)
    bad_items = spoil(data["doubled"], path / "spoilt")
    add(home, "ann", data["sound"])
    add(home, "bob", bad_items, models="thresholds: {invalid_share: 0.5}\nmodels: all")
    add(home, "cleo", data["sound"], quantity="quantity: {value: 0}")
    add(home, "dan", data["sound"], currency="curency: GBP")
    add(home, "zoe", data["sound"])
    for name in ("ann", "bob", "cleo"):
        judge(home, name)
    home.registry.close()
