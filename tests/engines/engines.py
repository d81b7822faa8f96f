"""The engines that must agree with DuckDB, and what one of them cannot do, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis

from capflow_resources.engines import connect
from partitions.customer import Customer, Engine
from tests.servers.spark import cluster, connect_server

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # Java that is soon gone need not optimise itself
# Quicker for a few rows; `local` alone runs the code that Spark generates, as everyone does who sets nothing.
INTERPRETED = {"spark.sql.codegen.wholeStage": False, "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
PATIENT = {"timeout_seconds": 120, "spark.sql.shuffle.partitions": 2, **INTERPRETED}
IN_PROCESS = {"spark.driver.memory": "1g", "spark.driver.extraJavaOptions": QUICK}
ON_CLUSTER = {
    **PATIENT,
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": QUICK,
    "spark.executor.extraJavaOptions": QUICK,
    "spark.executor.memory": "512m",
}

# What an engine cannot do, and why; the tests hold that it says so in an error and does nothing else instead.
CANNOT_PARSE = {
    "%j": "Spark has no strptime, and the expressions that stand in for it know no day of the year",
    "%U": "nor weeks",
    "%W": "nor weeks",
    "%w": "nor days of the week as numbers",
}


def customer(engine: Engine | None = None) -> Customer:
    """A customer of that engine and nothing else."""
    engine = engine or Engine()
    return Customer("acme", "gifts", "GBP", "Europe/London", {}, {}, engine=engine, path=Path("customers/acme.yaml"))


@contextmanager
def started(name: str, folder: Path) -> Iterator[Any]:
    """An Ibis connection to the engine of that name, with its servers, both closed afterwards."""
    if name == "local":
        yield from _connected(name, Engine("spark", "local[2]", IN_PROCESS))
    elif name == "connect":
        with connect_server(folder) as url:
            yield from _connected(name, Engine("spark", url, PATIENT))
    else:
        with cluster(folder) as url:
            yield from _connected(name, Engine("spark", url, ON_CLUSTER))


def _connected(name: str, engine: Engine) -> Iterator[Any]:
    con = connect(customer(engine))
    con.named = name
    try:
        yield con
    finally:
        con.disconnect()
        con._session.stop()  # a run's Spark ends with its process; here its servers end before


def duckdb() -> ibis.BaseBackend:
    """The engine that all others must agree with."""
    return connect(customer())
