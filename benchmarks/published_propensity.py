"""Who buys and who leaves, on two public data sets, by the very ensemble of our models, beside published numbers.

    python benchmarks/published_propensity.py [folder of the data]

Five stratified folds. Inside each training fold the ensemble chooses weights and calibration by itself, as it does for
a customer with one past date; nothing was tuned on these data. Categories become columns of 1 and 0. The interval is
the mean over folds and 1.96 of its standard errors.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from machine import machine
from row import row
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from capflow_assets.methods.ensemble import ensemble
from capflow_assets.methods.ensemble.learners import Rows
from capflow_assets.models.bases.tabular import TabularModel

ROOT = Path(__file__).resolve().parents[1]
FOLDS, SEED = 5, 0
MONTHS = ("Feb", "Mar", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Told = Callable[[Rows, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Benchmark:
    """One data set: how it is read, the column that one would sort by without a model, what others have published."""

    name: str
    read: Callable[[Path], tuple[pd.DataFrame, np.ndarray]]
    naive: tuple[str, float]
    published: str
    source: str


def online_shoppers(data: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Sessions of a web shop; did they end in a purchase?"""
    frame = pd.read_parquet(data / "churn" / "online_shoppers_intention.parquet")
    names = ["OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType"]
    columns = frame.drop(columns="Revenue").assign(Month=frame["Month"].map(MONTHS.index))
    return pd.get_dummies(columns, columns=names).astype(float), frame["Revenue"].to_numpy(dtype=float)


def telco(data: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers of a (fictional) telephone company; did they leave?"""
    frame = pd.read_csv(data / "churn" / "Telco-Customer-Churn.csv")
    charges = pd.to_numeric(frame["TotalCharges"], errors="coerce")
    columns = frame.drop(columns=["customerID", "Churn"]).assign(TotalCharges=charges)
    return pd.get_dummies(columns).astype(float), (frame["Churn"] == "Yes").to_numpy(dtype=float)


BENCHMARKS = (
    Benchmark(
        "Online Shoppers",
        online_shoppers,
        ("PageValues", 1.0),
        "auROC .937, auPR .754, accuracy 90.65 %",
        "PMC10121810, 5 folds; UCI 468 (Sakar et al. 2019)",
    ),
    Benchmark(
        "Telco",
        telco,
        ("tenure", -1.0),
        "auROC .8435, auPR .655 (our own earlier LightGBM, not published)",
        "IBM sample data, fictional",
    ),
)


def ours(train: Rows, asked: np.ndarray) -> np.ndarray:
    """The ensemble of every TabularModel with its own parameters."""
    return ensemble.fit([train], "binary", TabularModel.parameters, SEED).answer(asked)


def lightgbm_as_it_comes(train: Rows, asked: np.ndarray) -> np.ndarray:
    """LightGBM's own settings."""
    import lightgbm

    settings = {"objective": "binary", "verbosity": -1, "seed": SEED, "num_threads": 1, "deterministic": True}
    return np.asarray(lightgbm.train(settings, lightgbm.Dataset(train.matrix, train.target)).predict(asked))


def measured(columns: pd.DataFrame, label: np.ndarray, told: Told) -> tuple[np.ndarray, float]:
    """auROC, auPR and accuracy of each fold (folds x 3), and CPU-seconds."""
    began, found = process_time(), []
    matrix = columns.to_numpy()
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(matrix, label):
        score = told(Rows(matrix[train], label[train]), matrix[test])
        truth = label[test]
        found.append(
            (roc_auc_score(truth, score), average_precision_score(truth, score), accuracy_score(truth, score > 0.5))
        )
    return np.array(found), process_time() - began


def main() -> None:
    """Measure each data set and print it beside what was published."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    print(machine())
    for benchmark in BENCHMARKS:
        columns, label = benchmark.read(data)
        by, sign = benchmark.naive
        print(f"\n{benchmark.name}: {len(label):,} rows, {columns.shape[1]} columns, {label.mean():.2%} did")
        place = columns.columns.get_loc(by)
        rivals: dict[str, Told] = {
            "ours": ours,
            "LightGBM as it comes": lightgbm_as_it_comes,
            f"baseline: {by} alone": lambda train, asked, place=place, sign=sign: sign * asked[:, place],
        }
        for name, told in rivals.items():
            folds, seconds = measured(columns, label, told)
            mean, error = folds.mean(axis=0), 1.96 * folds.std(axis=0, ddof=1) / FOLDS**0.5
            accuracy = "" if name.startswith("baseline") else f", accuracy {mean[2]:.2%} (+- {error[2]:.2%})"
            areas = f"auROC {mean[0]:.4f} (+- {error[0]:.4f}), auPR {mean[1]:.4f} (+- {error[1]:.4f})"
            print(f"  {name:28} {areas}{accuracy}; {seconds:.1f} CPU-s")
            if name == "ours":
                kept = f"{areas}{accuracy}"
            elif name.startswith("baseline"):
                row("TabularModel", f"{benchmark.name}, 5 folds", kept, areas, benchmark.published, benchmark.source)
        print(f"  {'published':28} {benchmark.published}\n  source: {benchmark.source}")


if __name__ == "__main__":
    main()
