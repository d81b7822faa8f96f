"""Run assets of customers through Dagster from this process, so that the UI shows what the command line did."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import dagster as dg

from capflow_assets.graph.jobs import asset_job
from capflow_assets.graph.keys import key
from capflow_assets.graph.pipeline import CUSTOMERS_PER_RUN
from capflow_resources.home import Home
from capflow_resources.processes import current_process, has_died
from capflow_resources.turns import one_at_a_time
from partitions.partition import customers as partition

PROCESS = "capflow/process"
INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def open_instance(home: Home) -> dg.DagsterInstance:
    """Open Dagster's storage of this home, and set DAGSTER_HOME for the processes that this one starts."""
    if not home.dagster_folder.exists():
        with one_at_a_time(home.path / "dagster.lock"):
            _create_storage(home)
    os.environ["DAGSTER_HOME"] = str(home.prepare_dagster())
    return dg.DagsterInstance.get()


def _create_storage(home: Home) -> None:
    """Create Dagster's SQLite files, all or none: it never completes files that a killed process left unfinished."""
    if home.dagster_folder.exists():  # another process was first
        return
    new = home.path / "dagster.new"
    shutil.rmtree(new, ignore_errors=True)
    with dg.DagsterInstance.from_config(str(home.prepare_dagster(new))) as storage:
        _ = storage.run_storage, storage.event_log_storage, storage.schedule_storage
    new.rename(home.dagster_folder)


def add_partitions(storage: dg.DagsterInstance, home: Home) -> None:
    """Make every customer that has a file a partition, as the on-boarding sensor does."""
    registered = set(storage.get_dynamic_partitions(str(partition.name)))
    new = [name for name in home.customer_names() if name not in registered]
    if new:
        storage.add_dynamic_partitions(str(partition.name), new)


def materialise(
    home: Home, customers: Sequence[str], assets: Sequence[str], as_of: datetime | None = None, force: bool = False
) -> dict[str, str]:
    """Run `assets` for `customers`; return run id -> the error that broke the run ("" for none).

    The outcome of each asset is in the registry: a customer that is blocked or failed does not break a run.
    Raises KeyboardInterrupt when a run was interrupted.
    """
    with open_instance(home) as storage:
        add_partitions(storage, home)
        close_dead_runs(storage)
        config = {"as_of": as_of.isoformat() if as_of else None, "force": force}
        runs = {}
        for first, last in _partition_ranges(storage, customers):
            result = asset_job().execute_in_process(
                instance=storage,
                asset_selection=[key(asset) for asset in assets],
                tags={RANGE_START: first, RANGE_END: last, PROCESS: current_process()},
                run_config=_run_config(config, home),
                raise_on_error=False,
            )
            runs[result.run_id] = _failure_text(result)
            if _was_interrupted(result):
                raise KeyboardInterrupt
        return runs


def close_dead_runs(storage: dg.DagsterInstance) -> None:
    """Mark runs as failed whose command line on this machine was killed: Dagster would show them as running."""
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED])
    for run in storage.get_runs(filters):
        process = run.tags.get(PROCESS, "")
        if has_died(process):
            pid = process.split(":")[1]
            storage.report_run_failed(run, f"the process {pid} that ran this is gone; run it again to continue")


def _partition_ranges(storage: dg.DagsterInstance, wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return as few (first, last) ranges of contiguous partitions as cover the wanted customers and no other."""
    chosen = set(wanted)
    run: list[str] = []
    for name in [*storage.get_dynamic_partitions(str(partition.name)), ""]:
        if name in chosen and len(run) < CUSTOMERS_PER_RUN:
            run.append(name)
            continue
        if run:
            yield run[0], run[-1]
        run = [name] if name in chosen else []


def _failure_text(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(text for kind, text in _step_errors(result) if kind != dg.Failure.__name__)


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Return whether the run ended by Ctrl-C: Dagster ends the run, but does not raise."""
    return any(kind in INTERRUPTS for kind, _ in _step_errors(result))


def _step_errors(result: dg.ExecuteInProcessResult) -> list[tuple[str | None, str]]:
    """Return the class and the text of each error that ended a step."""
    failures = (event.step_failure_data.error for event in result.all_events if event.is_step_failure)
    return [(error.cls_name, error.to_string()) for error in failures if error]


def _run_config(config: Mapping[str, object], home: Home) -> dict[str, object]:
    return {
        "ops": {"pipeline": {"config": config}},
        "resources": {"home": {"config": {"path": str(home.path)}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
