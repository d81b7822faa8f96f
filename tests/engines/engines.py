"""The engines that must agree with DuckDB, and what one of them cannot do, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis

from capflow_resources.engines import connect
from partitions.customer import Customer, Engine
from tests.servers.spark import cluster, connect_server

SPARK = ("local", "connect", "cluster")
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # Java that is soon gone need not optimise itself
PATIENT = {"timeout_seconds": 120, "spark.sql.shuffle.partitions": 2}
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

# The cleaning of one process is the cleaning of its cluster: there, and by Connect, a few tables stand for all.
FEW = ("line_items, all as text", "users and their attributes")


def matrix(cases: Iterable[str]) -> list[tuple[str, str]]:
    """Every engine with every case that it has to pass."""
    return [(engine, case) for engine in SPARK for case in (cases if engine == "local" else FEW)]


def customer(engine: Engine | None = None) -> Customer:
    """A customer of that engine and nothing else."""
    engine = engine or Engine()
    return Customer("acme", "gifts", "GBP", "Europe/London", {}, {}, engine=engine, path=Path("customers/acme.yaml"))


@contextmanager
def started(name: str, folder: Path) -> Iterator[Any]:
    """An Ibis connection to the engine of that name, with its servers, both closed afterwards."""
    if name == "local":
        yield from _connected(Engine("spark", "local[2]", IN_PROCESS))
    elif name == "connect":
        with connect_server(folder) as url:
            yield from _connected(Engine("spark", url, PATIENT))
    else:
        with cluster(folder) as url:
            yield from _connected(Engine("spark", url, ON_CLUSTER))


def _connected(engine: Engine) -> Iterator[Any]:
    con = connect(customer(engine))
    try:
        yield con
    finally:
        con.disconnect()


def duckdb() -> ibis.BaseBackend:
    """The engine that all others must agree with."""
    return connect(customer())
