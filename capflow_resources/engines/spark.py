"""Spark: in this process, on a cluster by its master, or by Spark Connect; chosen by `engine:` of a customer file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import EngineError, said
from capflow_resources.engines.reach import require_answer, require_workers
from partitions.customer import Customer
from partitions.engine_form import SPARK_URL, SPARK_URLS, TIME_LIMIT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

StartSession = Callable[[Mapping[str, str]], "SparkSession"]

TIMEOUT_SECONDS = 30.0
SESSION = {
    # The same answer on every engine: UTC, times without a zone as such, and an error where DuckDB gives one.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
CONTEXT = {
    "spark.app.name": "capflow",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # By default a task's memory has room for 8 to 16 pages, and each aggregation of a feature set takes at least one.
    "spark.buffer.pageSize": "2m",
}
ON_LOOPBACK = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def start_session(settings: Mapping[str, str]) -> SparkSession:
    """Spark's own way to a session, where no resource of Dagster gives one."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def connect(customer: Customer, start: StartSession = start_session) -> Any:
    """An Ibis backend on a Spark session of this customer's own, which `start` makes from settings.

    `engine.url` (default CAPFLOW_SPARK, then `local` on CAPFLOW_THREADS cores with CAPFLOW_MEMORY): local[N],
    spark://host:port, or sc://host:port. EngineError when it does not answer, or gives no worker, in timeout_seconds.
    """
    _require_pyspark(customer)
    from capflow_resources.engines.spark_backend import over

    url, options = _url(customer), dict(customer.engine.options)
    seconds = float(options.pop(TIME_LIMIT, TIMEOUT_SECONDS))
    require_answer(customer, url, seconds)
    try:
        session = _session(url, {name: _written(value) for name, value in options.items()}, start)
    except Exception as error:
        raise refused(customer, url, error) from None
    require_workers(customer, url, session, seconds)
    return over(session, session.stop if url.startswith("sc://") else _nothing, {"s3": "s3a"})


def on_databricks(session: SparkSession) -> Any:
    """An Ibis backend on a session of Databricks, which stays open, with CapFlow's settings."""
    from capflow_resources.engines.spark_backend import over

    for name, value in SESSION.items():
        session.conf.set(name, value)
    return over(session, _nothing)


def refused(customer: Customer, url: str, error: Exception) -> EngineError:
    """What Spark said when it was asked for a session, in one line and without secrets."""
    cause = said(error)
    if "JAVA_GATEWAY_EXITED" in cause:
        cause = "Java did not start: install Java 17 or newer, and see whether JAVA_HOME names it"
    told = f"engine spark of '{customer.name}' at {url}: {cause}. Correct engine in {customer.path}"
    return EngineError(customer.hide(told))


def _require_pyspark(customer: Customer) -> None:
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        raise EngineError(f"engine spark of '{customer.name}' needs pyspark: pip install 'capflow[spark]'")


def _url(customer: Customer) -> str:
    threads = os.environ.get("CAPFLOW_THREADS", "2")
    url = customer.engine.url or os.environ.get("CAPFLOW_SPARK") or "local"
    if not re.fullmatch(SPARK_URL, url):
        place = "engine.url" if customer.engine.url else "CAPFLOW_SPARK"
        raise EngineError(f"engine spark of '{customer.name}': {place} is no address: write it like {SPARK_URLS}")
    return f"local[{threads}]" if url == "local" else url


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _session(url: str, options: Mapping[str, str], start: StartSession) -> SparkSession:
    """A session with views and settings of its own, so that no customer sees another's."""
    own = {name: value for name, value in options.items() if name.startswith("spark.sql.")}
    if url.startswith("sc://"):
        _make_way(None)
        first = start({"spark.remote": url})
        os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)  # or pyspark takes every later session for a remote one
        session = first.newSession()
        first.stop()  # or it would be handed out again, whatever address is asked for
        own = dict(options)
    else:
        wanted = {**CONTEXT, **_local(url), **options, "spark.master": url}
        _make_way(wanted)
        first = start({**wanted, **SESSION})
        first.sparkContext.setLogLevel("ERROR")
        session = first.newSession()
    for name, value in {**own, **SESSION}.items():
        session.conf.set(name, value)
    return session


def _local(url: str) -> dict[str, str]:
    if not url.startswith("local"):
        return {}
    threads = int(os.environ.get("CAPFLOW_THREADS", "2"))
    memory = re.sub(r"(?i)(\d)\s*([kmgt])i?b?$", r"\1\2", os.environ.get("CAPFLOW_MEMORY", "4GB")).lower()
    return {**ON_LOOPBACK, "spark.driver.memory": memory, "spark.sql.shuffle.partitions": str(2 * threads)}


def _make_way(wanted: Mapping[str, str] | None) -> None:
    """End the one Spark that a process can hold where it is another than the wanted (None: a remote one)."""
    from pyspark.sql import SparkSession

    running = SparkSession._instantiatedSession
    if running is None or running.sparkContext._jsc is None:
        return
    found = dict(running.sparkContext.getConf().getAll())
    static = {name: value for name, value in (wanted or {}).items() if not name.startswith("spark.sql.")}
    if wanted is None or any(found.get(name) != value for name, value in static.items()):
        running.stop()


def _nothing() -> None:
    """A session in this process ends with it: the next customer goes on in the same Java."""
