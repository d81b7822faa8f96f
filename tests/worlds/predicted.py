"""A customer with one model, whose predictions as of EARLY can be judged 60 days later."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_assets.simulator import customer_file
from capflow_resources.home import Home
from tests.worlds.once import made_once
from tests.worlds.small_world import copied

MODEL = "rfm_segments"
EARLY = datetime(2026, 8, 1)


def run(home: Home, as_of: datetime, *assets: str, force: bool = False) -> dict[str, Outcome]:
    """Make these assets of ann, or all that MODEL's performance needs, and return what came of each."""
    chosen = assets or tuple(upstream([f"performance/{MODEL}"]))
    one = CustomerRun(home, "ann", as_of, force)
    try:
        return {outcome.asset: outcome for outcome in run_customer(one, chosen)}
    finally:
        one.close()


def predicted(tmp_path_factory: pytest.TempPathFactory, shop_data: dict[str, Path], tmp_path: Path) -> Home:
    """A copy of the home in which MODEL has predicted ann's shoppers as of EARLY."""
    from tests.conftest import ASKED, SHOP

    def make(folder: Path) -> None:
        home = Home(folder)
        home.customers_folder.mkdir(parents=True)
        text = customer_file(SHOP, "parquet", str(shop_data["sound"])).replace("models: all", ASKED)
        text = text.replace(f"name: {SHOP.name}", "name: ann")
        (home.customers_folder / "ann.yaml").write_text(text, encoding="utf-8")
        run(home, EARLY)
        home.registry.close()

    return copied(Home(made_once(tmp_path_factory, "predicted", make)), tmp_path / "predicted")
