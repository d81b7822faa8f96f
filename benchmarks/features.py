"""RFM with 20 windowed aggregates through our API, beside DuckDB SQL by hand, a bare scan, pandas and local Spark.

    PYTHONPATH=. python benchmarks/features.py [line items ..., default 10000000] [--no-peers]

Line items are generated (benchmarks/rfm_sql.py). Each tool runs in a process of its own on two threads, from the same
Parquet files into Parquet files, after a small load of the same kind, so that imports and Java's start do not count.
Ours is what the step features/rfm does for one date: the expression, its files, and the commit to the lake. Of ours,
the SQL and the scan the median of ROUNDS is printed, of more than MANY lines one round. Every row and column of ours
and of the peers is compared with the SQL's. A peer that takes more than FACTOR times as long as ours, and a minute, is
stopped; pandas may take PANDAS_GIB.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import rfm_sql
from machine import machine, of_children, peak_mib
from rfm_sql import AS_OF, WINDOWS, files

FEW = 20_000
ROUNDS, MANY = 3, 20_000_000
FACTOR, LEAST_LIMIT = 15, 60
SPARK_MEMORY, PANDAS_GIB = "6g", 16


def ours(data: Path, out: Path) -> None:
    """What the step does for one date: the bills need no restating, which features.content told."""
    from capflow_resources.engines import duckdb

    _publish(_tables(data, duckdb.connect(), duckdb.read_files), out)


def spark(data: Path, out: Path) -> None:
    """The same expression on Spark in this process, with two threads."""
    from capflow_resources.engines import connect
    from partitions.customer import Customer, Engine

    engine = Engine("spark", "local[2]", {"spark.driver.memory": SPARK_MEMORY, "spark.local.dir": str(out)})
    con = connect(Customer("acme", "gifts", "GBP", "UTC", {}, {}, engine=engine))
    _publish(_tables(data, con, lambda con, found: con.read_parquet(found)), out)


def content(data: Path, out: Path) -> None:
    """The pass over both tables that tells what changed, once a version, for all feature sets and dates."""
    from capflow_assets.validated.content import bills_are_complete, summarise_content
    from capflow_resources.engines import duckdb

    held = {
        name: summarise_content(name, table)
        for name, table in _tables(data, duckdb.connect(), duckdb.read_files).items()
    }
    assert bills_are_complete(held["line_items"], held["bills"], AS_OF)


def pandas(data: Path, out: Path) -> None:
    """Whole columns in memory; more than it may take would end other processes of the machine."""
    from rfm_pandas import rfm

    resource.setrlimit(resource.RLIMIT_AS, (PANDAS_GIB * 2**30, PANDAS_GIB * 2**30))

    rfm(data).to_parquet(out / "rows.parquet", index=False)


def sql(data: Path, out: Path) -> None:
    """The hand-written SQL."""
    rfm_sql.engine().execute(f"COPY ({rfm_sql.hand_written(data)}) TO '{out / 'rows'}' {rfm_sql.OPTIONS}")


def scan(data: Path, out: Path) -> None:
    """The needed columns and nothing else."""
    lines = ("user_id", "item_id", "ts", "amount", "discount", "is_return")
    bills = ("user_id", "store_id", "ts", "amount", "line_item_count", "channel", "is_return")
    for name, columns in (("lines", lines), ("bills", bills)):
        read = ", ".join(f"min({column})" for column in columns)
        rfm_sql.engine().execute(f"SELECT {read} FROM {files(data, name)}").fetchall()


TOOLS: dict[str, Callable[[Path, Path], None]] = {
    "scan": scan,
    "SQL by hand": sql,
    "ours": ours,
    "content": content,
    "pandas": pandas,
    "Spark local[2]": spark,
}
AGAIN = ("scan", "SQL by hand", "ours")
PEERS = ("pandas", "Spark local[2]")
SAME = ("ours", *PEERS)


def main(sizes: list[int], peers: bool) -> None:
    """For each size make the data, run every tool, compare the rows and print the table; last, cost against size."""
    print(machine())
    costs = []
    for rows in sizes:
        with tempfile.TemporaryDirectory() as place:
            made, users, told = _compared(Path(place), rows, TOOLS if peers else [t for t in TOOLS if t not in PEERS])
        _print(made, users, told)
        costs.append((made, told))
    print(
        "\n| line items | ours, s a million | CPU-s a million | of the SQL's time | peak MiB |\n|---|---|---|---|---|"
    )
    for made, told in costs:
        mine, ratio = told["ours"], told["ours"]["wall"] / told["SQL by hand"]["wall"]
        each = (f"{mine[cost] / made * 1e6:.2f}" for cost in ("wall", "cpu"))
        print(f"| {made:,} | {' | '.join(each)} | {ratio:.2f} | {mine['peak']:,.0f} |")


def _compared(place: Path, rows: int, tools: Any) -> tuple[int, int, dict[str, dict[str, float]]]:
    """The lines and users made, and what each tool took; a peer that came to no end has only its `limit`."""
    few, data, reference = (place / name for name in ("few", "data", "reference"))
    for folder, size in ((few, FEW), (data, rows)):
        folder.mkdir()
        made, users = rfm_sql.generate(folder, size)
    found: dict[str, list[dict[str, float]]] = {tool: [] for tool in tools}
    for number in range(ROUNDS if rows <= MANY else 1):
        for tool in tools:
            if number and tool not in AGAIN:
                continue
            limit = max(LEAST_LIMIT, FACTOR * found["ours"][-1]["wall"]) if tool in PEERS else None
            out = Path(tempfile.mkdtemp(dir=place))
            found[tool].append(_child(tool, few, data, out, limit))
            if tool == "SQL by hand" and not reference.exists():
                shutil.copytree(out / "data", reference)
            if tool in SAME and "limit" not in found[tool][-1]:
                _compare(reference, out / "data")
            print(f"{rows:,} lines, {tool}: {found[tool][-1]}", file=sys.stderr, flush=True)
            shutil.rmtree(out, ignore_errors=True)  # Spark still clears up after itself
    told = {tool: {name: median(one[name] for one in all_) for name in all_[0]} for tool, all_ in found.items()}
    return made, users, told


def _compare(reference: Path, out: Path) -> None:
    """Every row is a row of the SQL's and the other way round, every column exactly."""
    con = rfm_sql.engine()
    mine, theirs = (f"read_parquet('{folder}/**/*.parquet', hive_partitioning = false)" for folder in (out, reference))
    names = [name for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {theirs}").fetchall()]
    columns = {name for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {mine}").fetchall()} - {"as_of"}
    assert columns == set(names), columns ^ set(names)
    alike = " AND ".join(f"o.{name} IS NOT DISTINCT FROM s.{name}" for name in names)
    found = con.execute(
        f"SELECT count(*), count(*) FILTER ({alike}) FROM {mine} o FULL JOIN {theirs} s ON o.user_id = s.user_id"
    ).fetchone()
    assert found is not None
    assert found[0] == found[1] > 0, found


def _print(made: int, users: int, told: dict[str, dict[str, float]]) -> None:
    mine = told["ours"]
    print(f"\n{made:,} line items, {users:,} users\n")
    print("| | seconds | of ours | CPU-s | of ours | peak MiB |\n|---|---|---|---|---|---|")
    for tool, took in told.items():
        if took.get("limit") == 0:
            print(f"| {tool} | failed: its own words are above | | | | |")
            continue
        if "limit" in took:
            print(f"| {tool} | stopped after {took['limit']:.0f} | > {took['limit'] / mine['wall']:.0f} | | | |")
            continue
        time, cpu = took["wall"] / mine["wall"], took["cpu"] / mine["cpu"]
        print(f"| {tool} | {took['wall']:.2f} | {time:.2f} | {took['cpu']:.2f} | {cpu:.2f} | {took['peak']:,.0f} |")


def _tables(data: Path, con: Any, read: Callable[[Any, list[str]], Any]) -> dict[str, Any]:
    places = {"line_items": "lines", "bills": "bills"}
    return {name: read(con, sorted(map(str, (data / part).glob("*.parquet")))) for name, part in places.items()}


def _publish(tables: dict[str, Any], out: Path) -> None:
    from capflow_assets.features.sets.rfm import rfm_of
    from capflow_assets.features.snapshots import build_snapshot
    from capflow_resources.lake import Lake

    part = build_snapshot(rfm_of(WINDOWS), tables, AS_OF, complete_bills=True)
    Lake(str(out)).write_dates("acme", "features/rfm", "as_of", {AS_OF: part}, {})


def _child(tool: str, few: Path, data: Path, out: Path, limit: float | None) -> dict[str, float]:
    """Run a tool on a few rows, then on all; with a limit, its whole process ends when the second takes longer."""
    command = [sys.executable, __file__, "--tool", tool, str(few), str(data), str(out)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=out, start_new_session=True)
    assert child.stdout is not None
    if child.stdout.readline().strip() != "ready":
        sys.exit(f"{tool} did not start")
    try:
        text, _ = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return {"limit": float(limit or 0)}
    if child.returncode and tool in PEERS:
        return {"limit": 0.0}
    if child.returncode:
        sys.exit(f"{tool} failed")
    return dict(json.loads(text.splitlines()[-1]))


def _one(tool: str, few: Path, data: Path, out: Path) -> None:
    for name in ("few", "data"):
        (out / name).mkdir()
    TOOLS[tool](few, out / "few")
    print("ready", flush=True)
    wall, cpu = perf_counter(), process_time() + of_children()[0]
    TOOLS[tool](data, out / "data")
    wall, (children_cpu, children_peak) = perf_counter() - wall, of_children()
    cpu = process_time() + children_cpu - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak_mib() + children_peak}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tool"]:
        _one(sys.argv[2], *map(Path, sys.argv[3:6]))
    else:
        given = [int(word) for word in sys.argv[1:] if word.isdigit()]
        main(given or [10_000_000], peers="--no-peers" not in sys.argv)
