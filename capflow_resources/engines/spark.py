"""Spark sessions in this process, on a cluster by its master, or by Spark Connect, as the customer file says."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import EngineError, error_message
from capflow_resources.engines.spark_availability import require_answer, require_workers
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
    """Return a session from Spark's own builder, where no Dagster resource gives one."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def connect(customer: Customer, start: StartSession = start_session) -> Any:
    """Return an Ibis backend on a Spark session of this customer's own, which `start` makes from settings.

    `engine.url` (default CAPFLOW_SPARK, then `local` on CAPFLOW_THREADS cores with CAPFLOW_MEMORY) is local[N],
    spark://host:port or sc://host:port. Raises EngineError if it does not answer, or has no worker, in timeout_seconds.
    """
    _require_pyspark(customer)
    from capflow_resources.engines.spark_backend import backend_on

    url, options = _url(customer), dict(customer.engine.options)
    seconds = float(options.pop(TIME_LIMIT, TIMEOUT_SECONDS))
    require_answer(customer, url, seconds)
    try:
        session = _session(url, {name: _setting_text(value) for name, value in options.items()}, start)
    except Exception as error:
        raise session_error(customer, url, error) from None
    require_workers(customer, url, session, seconds)
    return backend_on(session, session.stop if url.startswith("sc://") else _keep_session, {"s3": "s3a"})


def connect_databricks(session: SparkSession) -> Any:
    """Return an Ibis backend on a session of Databricks, with CapFlow's settings; the session stays open."""
    from capflow_resources.engines.spark_backend import backend_on

    for name, value in SESSION.items():
        session.conf.set(name, value)
    return backend_on(session, _keep_session)


def session_error(customer: Customer, url: str, error: Exception) -> EngineError:
    """Return the error for a session that Spark did not give, in one line and without secrets."""
    cause = error_message(error)
    if "JAVA_GATEWAY_EXITED" in cause:
        cause = "Java did not start: install Java 17 or newer, and see whether JAVA_HOME names it"
    message = f"engine spark of '{customer.name}' at {url}: {cause}. Correct engine in {customer.path}"
    return EngineError(customer.hide(message))


def _require_pyspark(customer: Customer) -> None:
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        raise EngineError(f"engine spark of '{customer.name}' needs pyspark: pip install 'capflow[spark]'")


def _url(customer: Customer) -> str:
    threads = os.environ.get("CAPFLOW_THREADS", "2")
    url = customer.engine.url or os.environ.get("CAPFLOW_SPARK") or "local"
    if not re.fullmatch(SPARK_URL, url):
        setting = "engine.url" if customer.engine.url else "CAPFLOW_SPARK"
        raise EngineError(f"engine spark of '{customer.name}': {setting} is not an address: write it like {SPARK_URLS}")
    return f"local[{threads}]" if url == "local" else url


def _setting_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _session(url: str, options: Mapping[str, str], start: StartSession) -> SparkSession:
    """Return a session with views and settings of its own, so that no customer sees another's."""
    own = {name: value for name, value in options.items() if name.startswith("spark.sql.")}
    if url.startswith("sc://"):
        _stop_other_session(None)
        first = start({"spark.remote": url})
        os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)  # or pyspark takes every later session for a remote one
        session = first.newSession()
        first.stop()  # or it would be handed out again, whatever address is asked for
        own = dict(options)
    else:
        wanted = {**CONTEXT, **_local(url), **options, "spark.master": url}
        _stop_other_session(wanted)
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


def _stop_other_session(wanted: Mapping[str, str] | None) -> None:
    """Stop the one Spark that a process can hold if its settings differ from `wanted` (None: for a remote session)."""
    from pyspark.sql import SparkSession

    running = SparkSession._instantiatedSession
    if running is None or running.sparkContext._jsc is None:
        return
    current = dict(running.sparkContext.getConf().getAll())
    static = {name: value for name, value in (wanted or {}).items() if not name.startswith("spark.sql.")}
    if wanted is None or any(current.get(name) != value for name, value in static.items()):
        running.stop()


def _keep_session() -> None:
    """Do nothing at the end of a session in this process: the next customer uses the same Java."""
