"""Child processes that run a whole customer and kill themselves, kill -9, at a moment that the test names.

A moment is "before CALL", "after CALL" or, for a table, "inside CALL": when the last rows have been handed to the
writer and nothing is committed. CALL is one of those in `watch`, like "write features/rhythm". It may also be
"connect FILE", for a SQLite file. ", time 3" after it means the third time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

CHILDREN = multiprocessing.get_context("forkserver")  # one process imports, every child begins with all imported
CHILDREN.set_forkserver_preload(
    [
        "alembic.command",
        "capflow_assets.definitions",
        "capflow_resources.registry",
        "deltalake",
        "ibis.backends.duckdb",
        "lightgbm",
        "matplotlib.figure",
        "obstore",
        "pandas",
        "pandera.backends.ibis.builtin_checks",
        "pandera.ibis",
        "psycopg",
        "pyarrow.parquet",
        "scipy.optimize",
        "sklearn.ensemble",
        "sqlalchemy.dialects.sqlite",
    ]
)
READY = "ready"
WRITES = ("write", "write_dates")  # the methods of a lake that publish a table


def run_until_killed(path: str, customer: str, assets: list[str], moment: str | None, told: Connection) -> None:
    """Run the customer's assets through Dagster; die at `moment`, or tell every moment when it is None."""
    from capflow_assets.graph.launch import materialise
    from capflow_resources.home import Home

    times: Counter[str] = Counter()

    def passing(passed: str) -> None:
        times[passed] += 1
        if moment in (passed, f"{passed}, time {times[passed]}"):
            die()

    watch(passing if moment else told.send)
    told.send(READY)
    runs = materialise(Home(path), [customer], assets)
    told.send(f"ended with {list(runs.values())}")


def run_at_once(path: str, customer: str, assets: list[str], rounds: int, shared: str, told: Connection) -> None:
    """Run the customer's assets when told to, `rounds` times anew; `shared` holds the data of several machines."""
    from capflow_assets.graph.launch import materialise
    from capflow_resources.home import Home

    if shared:
        os.environ["CAPFLOW_LAKE"] = f"{shared}/lake"
        os.environ["CAPFLOW_ARTEFACTS"] = f"{shared}/artefacts"
        os.environ["CAPFLOW_REGISTRY"] = f"sqlite:///{shared}/registry.db"
    told.send(READY)
    told.recv()
    for _ in range(rounds):
        runs = materialise(Home(path), [customer], assets, force=rounds > 1)
        told.send(f"ended with {list(runs.values())}")


def make_storage(path: str, told: Connection) -> None:
    """Make Dagster's storage in a new home when told to."""
    from capflow_assets.graph.launch import open_instance
    from capflow_resources.home import Home

    told.send(READY)
    told.recv()
    with open_instance(Home(path)) as storage:
        told.send(f"{len(storage.get_runs())} runs")


def die() -> None:
    """What `kill -9` does: nothing is flushed, closed or released by this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch(passing: Callable[[str], object]) -> None:
    """From now on, call `passing` before and after everything that a run publishes or notes."""
    from dagster import DagsterInstance

    from capflow_resources import lake
    from capflow_resources.objects import ObjectStore
    from capflow_resources.registry import Registry
    from capflow_resources.registry import registry as registering

    def around(owner: Any, method: str, name: Callable[..., str]) -> None:
        works = getattr(owner, method)

        def passed(*given: Any, **options: Any) -> Any:
            passing(f"before {name(*given)}")
            result = works(*given, **options)
            passing(f"after {name(*given)}")
            return result

        setattr(owner, method, passed)

    for method in WRITES:
        around(lake.Lake, method, lambda _, customer, asset, *rest: f"write {asset}")
    around(ObjectStore, "put", lambda _, key, data: f"put {key.rpartition('/')[2]}")
    around(Registry, "register", lambda _, customer, model, *rest: f"register {model}")
    around(registering.versions, "insert", lambda _, version: f"number {version.model}")
    around(Registry, "promote", lambda _, customer, model, *rest: f"promote {model}")
    around(Registry, "keep", lambda _, customer, model, *rest: f"keep {model}")
    around(Registry, "record_status", lambda _, customer, asset, *rest: f"record {asset}")
    around(DagsterInstance, "handle_new_event", lambda _, event, **rest: f"event {_kind(event)}")
    _watch_rows(lake, passing)
    sys.addaudithook(lambda event, given: passing(f"connect {_file(given[0])}") if event == "sqlite3.connect" else None)


def _file(path: str | bytes) -> str:
    return os.path.basename(os.fsdecode(path)).partition("?")[0]  # noqa: PTH119 - sqlite's own text, not a path


def _kind(event: Any) -> str:
    return event.dagster_event.event_type_value if event.is_dagster_event else "log"


def _watch_rows(lake: Any, passing: Callable[[str], object]) -> None:
    """Tell when the last rows of a table were written or handed over, which is before they are committed."""
    import pyarrow as pa

    batches, commit = lake._batches, lake.commit
    current = []

    def handed_over(reader: pa.RecordBatchReader) -> Any:
        yield from reader
        passing(f"inside write {current[-1]}")

    def watched(*given: Any) -> pa.RecordBatchReader:
        reader = batches(*given)
        return pa.RecordBatchReader.from_batches(reader.schema, handed_over(reader))

    def committed(*given: Any) -> None:
        passing(f"inside write {current[-1]}")
        commit(*given)

    def naming(write: Callable[..., Any]) -> Callable[..., Any]:
        def named(self: Any, customer: str, asset: str, *given: Any, **options: Any) -> Any:
            current.append(asset)
            return write(self, customer, asset, *given, **options)

        return named

    lake._batches, lake.commit = watched, committed
    for method in WRITES:
        setattr(lake.Lake, method, naming(getattr(lake.Lake, method)))


def write_until_killed(folder: str, told: Connection) -> None:
    """Publish one table for ever, each version with a mark of its own; ready when the first one is there."""
    import pyarrow as pa

    from capflow_resources.lake import Lake

    lake, number = Lake(folder), 1
    while True:
        rows = 20_000 + number
        lake.write("bob", "raw/bills", pa.table({"mark": [number] * rows}), {"mark": number, "rows": rows})
        if number == 1:
            told.send(READY)
        number += 1
