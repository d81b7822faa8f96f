"""Do feature selection and tuning help? Each on its own and both, over simulated customers, on a date never touched.

    PYTHONPATH=. python benchmarks/training_automation.py [users ...] [--models churn,purchase] [--seconds 20]

Prints, for each way, the mean gain over the models' defaults with its standard error over customers, wins and losses,
and the CPU-seconds that it took. `longer` are the defaults with twice the trees at half the learning rate: what the
time of tuning buys without tuning.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from time import process_time
from typing import Any

from machine import machine

VERTICALS = ("fashion", "food_and_beverage", "footwear")


def main() -> None:
    """Every way to train, for every customer and model."""
    asked = _asked()
    gains: dict[tuple[str, str], list[float]] = defaultdict(list)
    cpu: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number, (vertical, users) in enumerate((v, u) for u in asked.users for v in VERTICALS):
        for model, way, gain, seconds in _customer(f"c{number}", vertical, users, number, asked):
            gains[model, way].append(gain)
            cpu[model, way].append(seconds)
            print(f"{vertical} {users} {model} {way}: {gain:+.4f}, {seconds:.1f} CPU-s", file=sys.stderr)
    print("\n| model | way | gain over defaults | ± | wins | losses | customers | CPU-s |")
    print("|---|---|---|---|---|---|---|---|")
    for (model, way), found in gains.items():
        error = stdev(found) / len(found) ** 0.5 if len(found) > 1 else float("nan")
        wins, losses = sum(x > 0 for x in found), sum(x < 0 for x in found)
        print(
            f"| {model} | {way} | {mean(found):+.4f} | {error:.4f} | {wins} | {losses} | {len(found)} | "
            f"{mean(cpu[model, way]):.1f} |"
        )
    print(f"\n{machine()}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("users", nargs="*", type=int, default=[500, 1500, 4000])
    parser.add_argument("--models", default="churn")
    parser.add_argument("--seconds", type=float, default=20.0)
    return parser.parse_args()


def _customer(
    name: str, vertical: str, users: int, seed: int, asked: argparse.Namespace
) -> Iterator[tuple[str, str, float, float]]:
    from capflow_assets.run.catalogue import models
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.pipeline import run_customer
    from capflow_assets.run.plan import upstream
    from capflow_assets.simulator import Retailer, customer_file, simulate, write
    from capflow_resources.home import Home

    retailer = Retailer(name, vertical, users, date(2025, 5, 1), 549, seed=100 + seed, timezone="UTC")
    with tempfile.TemporaryDirectory() as folder:
        write(simulate(retailer), "parquet", Path(folder) / "data")
        home = Home(Path(folder) / "home")
        home.customers_folder.mkdir(parents=True)
        text = customer_file(retailer, "parquet", f"{folder}/data")
        (home.customers_folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        run = CustomerRun(home, name)
        for chosen in asked.models.split(","):
            model = models()[chosen]
            for outcome in run_customer(run, upstream(f"features/{one}" for one in model.features)):
                if outcome.stops:
                    raise RuntimeError(f"{outcome.asset}: {outcome.reason}")
            yield from _ways(run, model, asked.seconds)
        run.close()


def _ways(run: Any, model: Any, seconds: float) -> Iterator[tuple[str, str, float, float]]:
    from capflow_assets.features.load import load_labelled_snapshot
    from capflow_assets.features.snapshots import snapshot_dates
    from capflow_assets.training.evaluation.metrics import metric
    from capflow_assets.training.search.folds import select_columns
    from capflow_assets.training.search.selection import select_features
    from capflow_assets.training.search.tuning import tune
    from capflow_assets.training.split import split

    dates = split(run.as_of(), model.horizon_days, snapshot_dates(run.as_of(), run.first_sale()))
    past, test = (
        [load_labelled_snapshot(run, model, date) for date in dates.train],
        load_labelled_snapshot(run, model, dates.test),
    )
    usual, judged = {**model.parameters, **model.settings}, metric(model.metric)

    def value(shown: list[Any], parameters: dict[str, Any]) -> float:
        return float(judged.value(test.outcome, model.predict_quickly(model.fit(shown, parameters, 7), test)))

    began = process_time()
    defaults = value(past, usual)
    yield model.name, "defaults", 0.0, process_time() - began
    began = process_time()
    rule = float(judged.value(test.outcome, model.baseline(past, test)))
    yield model.name, "baseline", judged.gain(rule - defaults), process_time() - began
    for family in model.parameters.get("families", ()):
        began = process_time()
        alone = value(past, {**usual, "families": [family]})
        yield model.name, f"{family} alone", judged.gain(alone - defaults), process_time() - began
    families = usual.get("families", [])
    if "rule" in families:
        began = process_time()
        learned = value(past, {**usual, "families": [name for name in families if name != "rule"]})
        yield model.name, "without the rule", judged.gain(learned - defaults), process_time() - began
    began = process_time()
    selection = select_features(model, past, usual, 7)
    shown = [select_columns(snapshot, selection.columns) for snapshot in past]
    chosen = value(shown, usual)
    yield model.name, "selection", judged.gain(chosen - defaults), process_time() - began
    began = process_time()
    tuned = value(past, tune(model, past, usual, [], seconds, 7).parameters)
    yield model.name, "tuning", judged.gain(tuned - defaults), process_time() - began
    began = process_time()
    both = value(shown, tune(model, shown, usual, [], seconds, 7).parameters)
    yield model.name, "selection and tuning", judged.gain(both - defaults), process_time() - began
    if "learning_rate" in usual:
        began = process_time()
        longer = {**usual, "learning_rate": usual["learning_rate"] / 2, "most_trees": 2 * usual["most_trees"]}
        yield model.name, "longer", judged.gain(value(past, longer) - defaults), process_time() - began


if __name__ == "__main__":
    main()
