"""The three retailers of `capflow demo`: a sound one in a database, a sound one in Parquet, and a faulty one in CSV."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from capflow_assets.simulator.customer_files import customer_file
from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.simulation import simulate
from capflow_assets.simulator.writers import write

FOLDER = "demo-data"
_START, _DAYS = date(2025, 5, 1), 549  # 18 months, so that the last day of sales is 2026-10-31


@dataclass(frozen=True)
class DemoRetailer:
    """A retailer and the kind of source that it keeps its data in."""

    retailer: Retailer
    kind: str

    def customer_file(self) -> str:
        """Return its customer file, which finds the data in the folder `demo-data` of the home."""
        return customer_file(self.retailer, self.kind, f"${{CAPFLOW_HOME}}/{FOLDER}/{self.retailer.name}")


DEMO = (
    DemoRetailer(
        Retailer("brewbar", "food_and_beverage", 600, _START, _DAYS, 11, currency="GBP", timezone="Europe/London"),
        kind="sqlite",
    ),
    DemoRetailer(Retailer("atelier", "fashion", 1500, _START, _DAYS, 23), kind="parquet"),
    DemoRetailer(
        Retailer("stride", "footwear", 1500, _START, _DAYS, 37, ("duplicated_load",), timezone="Europe/Berlin"),
        kind="csv",
    ),
)


def write_demo(demo: DemoRetailer, data: Path) -> bool:
    """Write the retailer's data under `data`/<name> unless it is there; True when it was written.

    The folder appears when it is complete, so a run that was killed half way leaves nothing that looks finished.
    """
    folder = data / demo.retailer.name
    if folder.exists():
        return False
    unfinished = data / f".{demo.retailer.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    write(simulate(demo.retailer), demo.kind, unfinished)
    unfinished.replace(folder)
    return True
