"""Every model of the three real retailers against its baseline, with the CPU-seconds of each layer.

    python benchmarks/real_retailers.py [folder of the data]

Reads giftco, grocerus and vendcafe by the customer files of the tests, from CAPFLOW_REAL_DATA or ../shared/data.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import process_time

from machine import machine, peak_mib

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run each retailer through every layer and print what came of it."""
    from capflow_assets.cli.output import print_status
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.pipeline import run_customer
    from capflow_assets.run.plan import plan
    from capflow_assets.run.status import list_status
    from capflow_resources.home import Home

    data = sys.argv[1] if len(sys.argv) > 1 else str(ROOT.parent / "shared" / "data")
    os.environ.setdefault("CAPFLOW_REAL_DATA", data)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder)
        shutil.copytree(ROOT / "tests" / "customers", home.customers_folder, ignore=shutil.ignore_patterns("*.py"))
        names = home.customer_names()
        for name in names:
            spent: Counter[str] = Counter()
            began = process_time()
            for outcome in run_customer(CustomerRun(home, name), plan()):
                spent[outcome.asset.split("/")[0]] += process_time() - began
                began = process_time()
            print(f"{name}: " + ", ".join(f"{layer} {seconds:.1f}" for layer, seconds in spent.items()) + " CPU-s")
        print_status(list_status(home, names))
        print(f"{machine()}; peak {peak_mib():,.0f} MiB")


if __name__ == "__main__":
    main()
