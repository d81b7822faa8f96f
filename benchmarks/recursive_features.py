"""Recursive features against featuretools: the same tables, the same features, each in a process of its own.

    python benchmarks/recursive_features.py [lines, 100000] [folder that featuretools is installed in]

featuretools 1.31 wants another pandas than CapFlow's, so it is installed beside it and seen by its own process only:

    pip install --target FOLDER featuretools 'pandas<3' 'numpy<2.2' 'setuptools<81'

The features are those of depth 1 to 2 that both define (logarithms, ratios and days since a sale are ours alone).
Each side reads the same Parquet files and writes its features; then every value is compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
AS_OF = datetime(2026, 6, 1)
THEIRS = {
    "count": "COUNT", "sum": "SUM", "mean": "MEAN", "min": "MIN", "max": "MAX", "std": "STD", "median": "MEDIAN",
    "distinct_count": "NUM_UNIQUE", "share": "PERCENT_TRUE", "first": "FIRST", "last": "LAST",
    "hour": "HOUR", "weekday": "WEEKDAY", "weekend": "IS_WEEKEND",
}  # fmt: skip
AGGREGATES = [primitive for primitive in THEIRS if primitive not in ("hour", "weekday", "weekend")]
CLOSE = 2e-6  # ours sums averages rounded to the millionth


def make(folder: Path, lines: int) -> None:
    """users, bills, line_items and items of a retailer with so many lines, three to a bill, six bills to a user."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    bills, users = lines // 3, max(1, lines // 18)
    moments = AS_OF - pd.to_timedelta(1 + rng.choice(730 * 86_400, bills, replace=False), unit="s")
    bill = pd.DataFrame(
        {
            "bill_id": [f"b{number}" for number in range(bills)],
            "user_id": [f"u{number}" for number in rng.integers(0, users, bills)],
            "ts": moments,
            "store_id": rng.choice(["north", "south", "east"], bills),
            "channel": rng.choice(["store", "web"], bills),
        }
    )
    item = pd.DataFrame(
        {
            "item_id": [f"i{number}" for number in range(500)],
            "price": rng.integers(50, 9_000, 500) / 100,
            "category": [f"c{number % 20}" for number in range(500)],
            "brand": [f"n{number % 37}" for number in range(500)],
        }
    )
    of, which = rng.integers(0, bills, lines), rng.integers(0, 500, lines)
    line = bill.iloc[of].reset_index(drop=True).assign(item_id=item["item_id"].to_numpy()[which])
    line["quantity"] = rng.integers(1, 6, lines).astype(float)
    line["unit_price"] = item["price"].to_numpy()[which]
    line["discount"] = np.where(rng.random(lines) < 0.2, 0.5, 0.0)
    line["amount"] = (line["quantity"] * line["unit_price"] - line["discount"]).round(2)
    line["is_return"] = rng.random(lines) < 0.05
    grouped = line.groupby("bill_id")
    bill = bill.merge(
        grouped.agg(amount=("amount", "sum"), line_item_count=("amount", "size"), is_return=("is_return", "all")),
        on="bill_id",
    )
    bill["amount"] = bill["amount"].round(2)
    for name, frame in {"bills": bill, "line_items": line, "items": item}.items():
        frame.to_parquet(folder / f"{name}.parquet")


def definitions() -> dict[str, str]:
    """The features that both define: our name and theirs."""
    from capflow_assets.features.recursive.generate import generate
    from capflow_assets.features.recursive.names import name
    from capflow_assets.features.recursive.relationships import ENTITIES

    columns = {table: list(ENTITIES[table].fields) for table in ("bills", "line_items", "items")}
    found = generate(columns, deepest=2, most=10_000).definitions
    pairs = {name(one): _theirs(one) for one in found}
    return {ours: theirs for ours, theirs in pairs.items() if theirs}


def _theirs(definition: Any) -> str | None:
    """featuretools' name of a definition; None where it has none."""
    from capflow_assets.features.recursive.definitions import Aggregate, LookUp, SourceColumn, Transform

    match definition:
        case SourceColumn(_, column):
            return str(column)
        case LookUp(_, operand):
            return f"{operand.entity}.{operand.name}"
        case Transform(primitive, operand) if primitive in THEIRS:
            within = _theirs(operand)
            return within and f"{THEIRS[primitive]}({within})"
        case Aggregate(_, primitive, child, operand) if primitive in THEIRS:
            if operand is None:
                return f"{THEIRS[primitive]}({child})"
            within = _theirs(operand)
            return within and f"{THEIRS[primitive]}({child}.{within})"
    return None


def peak_of_this_program() -> float:
    """MiB since this program began; what resource.getrusage says begins with the memory of who started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def ours(folder: Path, names: dict[str, str]) -> dict[str, float]:
    """Our side: the expression on DuckDB, to a Parquet file."""
    import ibis

    from capflow_assets.features.sets.recursive import recursive_with

    con = ibis.duckdb.connect(threads=2)
    began, used = perf_counter(), process_time()
    tables = {name: con.read_parquet(folder / f"{name}.parquet") for name in ("bills", "line_items", "items")}
    features = recursive_with(list(names)).build(tables, AS_OF)
    con.to_parquet(features, folder / "ours.parquet")
    return {"seconds": perf_counter() - began, "cpu": process_time() - used, "mib": peak_of_this_program()}


def featuretools(folder: Path, names: dict[str, str]) -> dict[str, float]:
    """Their side: an EntitySet, the features of these names, and their matrix, to a Parquet file."""
    import featuretools as ft
    import pandas as pd

    began, used = perf_counter(), process_time()
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("bills", "line_items", "items")}
    entities = ft.EntitySet("shop")
    labels = dict.fromkeys(("store_id", "channel", "category", "brand"), "Categorical")
    frames["line_items"] = frames["line_items"].drop(columns=["user_id", "store_id", "channel"])
    frames["users"] = frames["bills"][["user_id"]].drop_duplicates().reset_index(drop=True)
    for name, index, time in (
        ("users", "user_id", None), ("items", "item_id", None), ("bills", "bill_id", "ts"),
        ("line_items", "line", "ts"),
    ):  # fmt: skip
        types = {column: kind for column, kind in labels.items() if column in frames[name]}
        entities.add_dataframe(
            frames[name], name, index, time_index=time, logical_types=types, make_index=index == "line"
        )
    for parent, key, child in (
        ("users", "user_id", "bills"), ("bills", "bill_id", "line_items"), ("items", "item_id", "line_items"),
    ):  # fmt: skip
        entities.add_relationship(parent, key, child, key)
    wanted = set(names.values())
    found = ft.dfs(
        entityset=entities, target_dataframe_name="users", max_depth=3, features_only=True,
        agg_primitives=[THEIRS[primitive].lower() for primitive in AGGREGATES],
        trans_primitives=["hour", "weekday", "is_weekend"],
    )  # fmt: skip
    chosen = [one for one in found if one.get_name() in wanted]
    matrix = ft.calculate_feature_matrix(chosen, entities, cutoff_time=pd.Timestamp(AS_OF) - timedelta(microseconds=1))
    plain = {column: pd.array(matrix[column].astype(float)) for column in matrix.columns}
    pd.DataFrame({"user_id": matrix.index.astype(str), **plain}).to_parquet(folder / "theirs.parquet")
    return {"seconds": perf_counter() - began, "cpu": process_time() - used, "mib": peak_of_this_program()}


def compare(folder: Path, names: dict[str, str]) -> dict[str, float]:
    """How many columns are equal for every user, and the greatest difference, relative to 1 or the value itself."""
    import numpy as np
    import pandas as pd

    one, other = (
        pd.read_parquet(folder / f"{side}.parquet").set_index("user_id").sort_index() for side in ("ours", "theirs")
    )
    assert list(one.index) == list(other.index), "not the same users"
    both = {ours: theirs for ours, theirs in names.items() if theirs in other.columns}
    worst = {}
    for ours_, theirs_ in both.items():
        left, right = one[ours_].to_numpy(float), other[theirs_].to_numpy(float)
        if (np.isnan(left) != np.isnan(right)).any():
            worst[ours_] = float("inf")
            continue
        known = ~np.isnan(left)
        gap = np.abs(left[known] - right[known]) / np.maximum(1.0, np.abs(right[known]))
        worst[ours_] = float(gap.max(initial=0.0))
    unequal = {name: gap for name, gap in worst.items() if gap > CLOSE}
    print(f"{len(both)} features of both; {len(both) - len(unequal)} equal to {CLOSE:g}; unequal: {unequal}")
    print(f"greatest difference of the equal ones: {max(gap for gap in worst.values() if gap <= CLOSE):.2g}")
    left_out = sorted(set(names) - set(both))
    print(f"not in featuretools by that name: {left_out}")
    return worst


def _alone(side: str, folder: Path, site: str | None) -> dict[str, float]:
    """One side in a process of its own."""
    path = os.pathsep.join(filter(None, [site, str(ROOT), str(ROOT / "benchmarks")]))
    command = [sys.executable, __file__, side, str(folder)]
    told = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, capture_output=True, text=True)
    return dict(json.loads(told.stdout.splitlines()[-1]))


def main() -> None:
    """Both sides and the comparison; with "ours" or "theirs" one side only, as a process of its own."""
    if len(sys.argv) > 1 and sys.argv[1] in ("ours", "theirs"):
        folder = Path(sys.argv[2])
        names = json.loads((folder / "names.json").read_text())
        print(json.dumps((ours if sys.argv[1] == "ours" else featuretools)(folder, names)))
        return
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    site = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, lines)
        names = definitions()
        (folder / "names.json").write_text(json.dumps(names))
        print(f"{lines:,} lines, {lines // 18:,} users, {len(names)} features")
        measured = {"ours": _alone("ours", folder, None), "theirs": _alone("theirs", folder, site)}
        for side, found in measured.items():
            print(f"{side}: {found['seconds']:.1f} s, {found['cpu']:.1f} CPU-s, peak {found['mib']:,.0f} MiB")
        ratio = {key: measured["theirs"][key] / measured["ours"][key] for key in ("seconds", "cpu", "mib")}
        print("theirs / ours: " + ", ".join(f"{key} {value:.1f}" for key, value in ratio.items()))
        compare(folder, names)
        print(machine())


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
