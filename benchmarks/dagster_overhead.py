"""What Dagster costs an asset of a customer in a bulk run of ours, against a bare single-run backfill.

    python benchmarks/dagster_overhead.py [customers] [rounds]

Floor: as many trivial assets as we have, each its own op, one run over all customers, in process, on SQLite. Ours: the
pipeline as it is, with ledger, checks, metadata and pictures of the usual size, but each step's own work replaced by
nothing. Both run in processes of their own, in turn; CPU-seconds count from after the imports to the end of the last
run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

from machine import machine, peak_mib

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PLOT = os.urandom(15_000)
PLOTS = {"validation": {"one": PLOT, "two": PLOT, "three": PLOT}, "model": {"curve": PLOT}}


def names(customers: int) -> list[str]:
    return [f"customer{number:04d}" for number in range(customers)]


def floor(customers: int) -> float:
    """CPU-seconds of the bare backfill."""
    import dagster as dg

    from capflow_assets.run.plan import plan
    from partitions.partition import customers as partition

    def trivial(asset: str) -> dg.AssetsDefinition:
        reads = [dg.AssetKey(read.split("/")) for read in plan()[asset].reads]

        @dg.asset(
            key=dg.AssetKey(asset.split("/")),
            deps=reads,
            partitions_def=partition,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def nothing() -> None:
            return None

        return nothing

    job = dg.Definitions(
        assets=[trivial(asset) for asset in plan()], executor=dg.in_process_executor
    ).resolve_implicit_global_asset_job_def()
    folder = Path(os.environ["DAGSTER_HOME"])
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as storage:
        storage.add_dynamic_partitions(str(partition.name), names(customers))
        began = process_time()
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        tags = {START: names(customers)[0], END: names(customers)[-1]}
        assert job.execute_in_process(instance=storage, tags=tags, run_config=quiet).success
        return process_time() - began


def ours(customers: int) -> float:
    """CPU-seconds of our pipeline around steps that do nothing."""
    from dataclasses import replace

    from capflow_assets.contract.outcome import Check, Outcome
    from capflow_assets.graph.launch import materialise
    from capflow_assets.run import pipeline
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.plan import plan
    from capflow_resources.home import Home

    def nothing(run: CustomerRun, asset: str) -> Outcome:
        check = {"validated": "schema", "validation": "kpis"}.get(asset.split("/")[0])
        facts = {"rows": 1, "version": 0, **{f"fact {number}": 0.5 for number in range(5)}}
        plots = PLOTS.get(asset.split("/")[0], {})
        return Outcome(asset, "done", facts=facts, plots=plots, check=Check(check, True, facts) if check else None)

    idle = {asset: replace(step, make=nothing) for asset, step in plan().items()}
    pipeline.plan = lambda: idle  # type: ignore[attr-defined]
    home = Home()
    home.customers_folder.mkdir(parents=True)
    for name in names(customers):
        (home.customers_folder / f"{name}.yaml").write_text(f"name: {name}\n")
    began = process_time()
    assert not any(materialise(home, names(customers), list(plan())).values())
    spent = process_time() - began
    assert len(home.registry.ledger()) == customers * len(plan())
    return spent


def measured(side: str, customers: int) -> dict[str, float]:
    """One round of one side in a process and home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CAPFLOW_HOME": f"{folder}/home", "DAGSTER_HOME": f"{folder}/home/dagster"}
        command = [sys.executable, __file__, side, str(customers)]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    if told.returncode:
        raise SystemExit(told.stderr)
    return dict(json.loads(told.stdout.splitlines()[-1]))


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in ("floor", "ours"):
        spent = {"floor": floor, "ours": ours}[sys.argv[1]](int(sys.argv[2]))
        print(json.dumps({"cpu": spent, "mib": peak_mib()}))
        return
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    from capflow_assets.run.plan import plan

    cells = customers * len(plan())
    runs = [(measured("floor", customers), measured("ours", customers)) for _ in range(rounds)]
    print(f"{machine()}; {customers} customers x {len(plan())} assets, median of {rounds} rounds")
    for side, index in (("floor", 0), ("ours", 1)):
        cpu = statistics.median(pair[index]["cpu"] for pair in runs)
        peak = max(pair[index]["mib"] for pair in runs)
        print(f"{side:<6} {1000 * cpu / cells:6.1f} CPU-ms an asset-partition  {cpu:6.1f} CPU-s  peak {peak:,.0f} MiB")
    ratios = sorted(pair[1]["cpu"] / pair[0]["cpu"] for pair in runs)
    print(f"ratio  {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f}); the goal is at most 1.5")


if __name__ == "__main__":
    main()
