"""What the whole model suite costs for one customer: CPU-seconds and wall of each model, training and prediction.

    PYTHONPATH=. python benchmarks/suite_cost.py [users, default 20000] [--tuning SECONDS]

A simulated retailer of 780 days with about 25 lines a user (20,000 users: half a million lines), every model that its
tables support, at the default budget. The goal for 20,000 users is 15 minutes on two cores, features included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from datetime import date
from pathlib import Path

from machine import machine, peak_mib


def main() -> None:
    """Simulate, on-board, run every layer, and print the cost of each."""
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.pipeline import run_customer
    from capflow_assets.run.plan import plan
    from capflow_resources.home import Home

    asked = _asked()
    with tempfile.TemporaryDirectory() as folder:
        lines = _on_board(Path(folder), asked)
        run = CustomerRun(Home(Path(folder) / "home"), "acme")
        layers: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        print(f"{asked.users:,} users, {lines:,} lines\n\n| asset | status | CPU-s | wall s | |\n|---|---|---|---|---|")
        cpu, wall = time.process_time(), time.perf_counter()
        for outcome in run_customer(run, plan()):
            spent = time.process_time() - cpu, time.perf_counter() - wall
            layer = outcome.asset.split("/")[0]
            layers[layer] = [sum(pair) for pair in zip(layers[layer], spent, strict=True)]
            if layer in ("model", "prediction"):
                print(
                    f"| {outcome.asset} | {outcome.status} | {spent[0]:.1f} | {spent[1]:.1f} | {outcome.reason[:90]} |"
                )
            cpu, wall = time.process_time(), time.perf_counter()
        run.close()
        print("\n| layer | CPU-s | wall s |\n|---|---|---|")
        for layer, (cpu, wall) in layers.items():
            print(f"| {layer} | {cpu:.1f} | {wall:.1f} |")
        print(f"| all | {sum(c for c, _ in layers.values()):.1f} | {sum(w for _, w in layers.values()):.1f} |")
    print(f"\n{machine()}; peak {peak_mib():,.0f} MiB")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("users", nargs="?", type=int, default=20_000)
    parser.add_argument("--tuning", type=float)
    return parser.parse_args()


def _on_board(folder: Path, asked: argparse.Namespace) -> int:
    """A retailer's Parquet files and customer file; the number of its lines."""
    from capflow_assets.simulator import Retailer, customer_file, simulate, write
    from capflow_resources.home import Home

    retailer = Retailer("acme", "fashion", asked.users, date(2024, 9, 10), 780, seed=1, timezone="UTC")
    world = simulate(retailer)
    write(world, "parquet", folder / "data")
    home = Home(folder / "home")
    home.customers_folder.mkdir(parents=True)
    text = customer_file(retailer, "parquet", f"{folder}/data")
    if asked.tuning is not None:
        text += f"training: {{tuning_seconds: {asked.tuning:g}}}\n"
    (home.customers_folder / "acme.yaml").write_text(text, encoding="utf-8")
    return len(world.line_items)


if __name__ == "__main__":
    main()
