"""Databricks for one customer: the settings of its workspace, the size of its cluster, its Spark session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from capflow_resources.engines.errors import EngineError
from partitions.customer import Customer
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A core of a worker puts 70,000 rows a second through one feature set (benchmarks of Spark on two cores, 10 million
# rows), so one worker of 8 cores puts through 50 million in 90 seconds. Estimated, not measured on Databricks.
ROWS_PER_WORKER = 50_000_000
WORKERS = (1, 2), (16, 64)  # lowest and highest (min_workers, max_workers): every worker costs money every minute
SHRINK_FACTOR = 4  # a cluster may shrink to a quarter: single steps read small tables
UNKNOWN_ROWS = {"gold": 400_000_000, "silver": 100_000_000, "bronze": 10_000_000}
NODES = {"aws": "m5d.2xlarge", "azure": "Standard_D8ds_v5", "gcp": "n2-standard-8"}  # 8 cores, 32 GB each
SPARK = "17.3.x-scala2.13"  # the long-term version with Python 3.12 and Spark 4.0
NEW_CLUSTER = (
    "driver_node_type_id",
    "instance_pool_id",
    "instance_profile_arn",
    "libraries",
    "max_workers",
    "min_workers",
    "node_type_id",
    "policy_id",
    "secrets",
    "secret_scope",
    "spark_version",
)
PLACES = ("CAPFLOW_LAKE", "CAPFLOW_ARTEFACTS", "CAPFLOW_REGISTRY")
PLAIN = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
RUNTIME = "DATABRICKS_RUNTIME_VERSION"  # set by Databricks on every cluster


@dataclass(frozen=True)
class Settings:
    """`engine` of a customer file; every field but `host` is an option of that name.

    `run`: "job" computes on a cluster of the run's own, "connect" from this process by Databricks Connect.
    `lost_seconds`: how long the workspace may be unreachable before a run is abandoned and cancelled.
    """

    host: str = ""
    run: str = "job"
    token: str = field(default="", repr=False)
    profile: str = ""
    existing_cluster_id: str = ""
    libraries: tuple[str, ...] = ()
    volume: str = ""
    secret_scope: str = ""
    secrets: tuple[str, ...] = ()
    spark_version: str = SPARK
    node_type_id: str = ""
    driver_node_type_id: str = ""
    instance_pool_id: str = ""
    instance_profile_arn: str = ""
    policy_id: str = ""
    min_workers: int = 0
    max_workers: int = 0
    timeout_seconds: int = 30
    start_timeout_seconds: int = 1800
    run_timeout_seconds: int = 21_600
    lost_seconds: int = 600
    poll_seconds: int = 10


def read_settings(customer: Customer) -> Settings:
    """Return the settings of a customer's engine; EngineError explains a wrong one, with the closest right name."""
    kinds = {field.name: type(field.default) for field in fields(Settings) if field.name != "host"}
    values = {name: _option_value(customer, kinds, name, value) for name, value in customer.engine.options.items()}
    read = Settings(host=customer.engine.url.rstrip("/"), **values)
    if read.run not in ("job", "connect"):
        raise _option_error(customer, f"run: {read.run}", f"is unknown{did_you_mean(read.run, ('job', 'connect'))}")
    if read.volume and not read.volume.startswith("/Volumes/"):
        raise _option_error(
            customer, f"volume: {read.volume}", "is not a volume: write it like /Volumes/catalog/schema/volume"
        )
    if 0 < read.max_workers < read.min_workers:
        raise _option_error(customer, f"max_workers: {read.max_workers}", f"is under min_workers: {read.min_workers}")
    if read.secrets and not read.secret_scope:
        raise _option_error(customer, "secrets", "needs secret_scope: the scope of the workspace that holds them")
    conflicting = [name for name in customer.engine.options if name in NEW_CLUSTER and read.existing_cluster_id]
    if conflicting:
        raise _option_error(
            customer, ", ".join(conflicting), "is for a new cluster: leave it out, or existing_cluster_id"
        )
    return read


def _option_value(customer: Customer, kinds: Mapping[str, type], name: str, value: Any) -> Any:
    if name not in kinds:
        raise _option_error(customer, name, f"is unknown{did_you_mean(name, sorted(kinds))}")
    if kinds[name] is tuple:
        return tuple(filter(None, (part.strip() for part in str(value).split(","))))
    if kinds[name] is str:
        return str(value)
    if isinstance(value, bool) or not str(value).isdigit() or int(value) < 1:
        raise _option_error(customer, name, "must be a whole number of at least 1")
    return int(value)


def _option_error(customer: Customer, what: str, why: str) -> EngineError:
    return EngineError(f"engine databricks of '{customer.name}': option {what} {why} ({customer.path})")


def cluster_environment(customer: Customer, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the cluster's processes; a secret is a reference that Databricks resolves.

    Raises EngineError if the lake, the artefacts or the registry lie on this machine, where no cluster reaches them,
    and if the registry's password would be written into the request.
    """
    for name in PLACES:
        if is_local(environ.get(name, "")):
            raise EngineError(
                f"engine databricks of '{customer.name}': {name} is on this machine, where no cluster reaches it: "
                + ("use a PostgreSQL URL" if name == "CAPFLOW_REGISTRY" else "set it to a bucket, like s3://lake/x")
                + ", or set engine.options.run: connect"
            )
    secret = {name: f"{{{{secrets/{settings.secret_scope}/{name}}}}}" for name in settings.secrets}
    plain = {name: environ[name] for name in (*PLACES, *PLAIN) if environ.get(name) and name not in secret}
    if settings.existing_cluster_id:
        del plain["CAPFLOW_REGISTRY"]  # its password belongs in the cluster's own environment
    elif settings.secret_scope:
        secret["CAPFLOW_REGISTRY"] = f"{{{{secrets/{settings.secret_scope}/CAPFLOW_REGISTRY}}}}"
    elif urlsplit(plain["CAPFLOW_REGISTRY"]).password or "password=" in plain["CAPFLOW_REGISTRY"]:
        raise EngineError(
            f"engine databricks of '{customer.name}': a password may not stand in the request for a cluster: put "
            "CAPFLOW_REGISTRY into a secret scope of the workspace and name it in engine.options.secret_scope"
        )
    return {**plain, **secret}


def is_local(place: str) -> bool:
    """Return whether only this machine reaches a place: a folder, a SQLite file, or none at all."""
    return "://" not in place or place.startswith(("file:", "sqlite:"))


@dataclass(frozen=True)
class ClusterSize:
    """How many workers a cluster may have, and why, in words."""

    min_workers: int
    max_workers: int
    why: str


def size_cluster(rows: Mapping[str, int | None], tier: str, settings: Settings) -> ClusterSize:
    """Return the size of a customer's cluster: one worker per 50 million rows of its raw tables, down to a quarter.

    `rows` by table, None where it was never loaded; if all are None, the usual size for the `tier` is assumed.
    Between 1 to 2 and 16 to 64 workers; `min_workers` and `max_workers` of the customer file override this.
    """
    counts = [count for count in rows.values() if count is not None]
    total = sum(counts) if counts else UNKNOWN_ROWS[tier]
    (low, high), (top_low, top_high) = WORKERS
    needed = min(max(ceil(total / ROWS_PER_WORKER), high), top_high)
    max_workers = settings.max_workers or max(needed, settings.min_workers)
    min_workers = settings.min_workers or min(max(ceil(max_workers / SHRINK_FACTOR), low), top_low, max_workers)
    basis = f"{total:,} rows" if counts else f"{total:,} rows, guessed from tier {tier}"
    why = f"{min_workers} to {max_workers} workers for {basis}, one for each {ROWS_PER_WORKER:,}"
    return ClusterSize(min_workers, max_workers, why)


def new_cluster(
    customer: Customer, settings: Settings, size: ClusterSize, env: Mapping[str, str], cloud: str
) -> dict[str, Any]:
    """Return the `new_cluster` of a run for the Jobs API. `cloud`: aws, azure or gcp."""
    fields_of_request = {
        "spark_version": settings.spark_version,
        "autoscale": {"min_workers": size.min_workers, "max_workers": size.max_workers},
        "data_security_mode": "SINGLE_USER",
        "custom_tags": {"capflow_customer": customer.name},
        "spark_env_vars": dict(env),
        "policy_id": settings.policy_id,
        "instance_pool_id": settings.instance_pool_id,
        "node_type_id": settings.node_type_id or ("" if settings.instance_pool_id else NODES[cloud]),
        "driver_node_type_id": settings.driver_node_type_id,
        "aws_attributes": {"instance_profile_arn": settings.instance_profile_arn}
        if settings.instance_profile_arn
        else None,
    }
    return {name: value for name, value in fields_of_request.items() if value}


def libraries(customer: Customer, settings: Settings) -> list[dict[str, Any]]:
    """Return CapFlow's wheel and what else a new cluster installs; raises EngineError when no wheel is named."""
    if settings.existing_cluster_id:
        return []
    if not any(name.endswith(".whl") for name in settings.libraries):
        raise EngineError(
            f"engine databricks of '{customer.name}': no wheel of CapFlow: build it (python -m build), upload it, and "
            "name it in engine.options.libraries, like /Volumes/main/capflow/wheels/capflow-0.1.0-py3-none-any.whl"
        )
    return [{"whl": name} if name.endswith(".whl") else {"pypi": {"package": name}} for name in settings.libraries]


def open_session(customer: Customer) -> SparkSession:
    """Return a customer's Spark session: on a cluster the cluster's own, elsewhere one by Databricks Connect."""
    if os.environ.get(RUNTIME):
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()
    settings = read_settings(customer)
    if settings.run == "job":
        raise EngineError(
            f"engine databricks of '{customer.name}' computes in a job of its workspace, not in this process: "
            "run it with `capflow run` or in Dagster, or set engine.options.run: connect"
        )
    return _open_remote_session(customer, settings)


def _open_remote_session(customer: Customer, settings: Settings) -> SparkSession:
    try:
        from databricks.connect import DatabricksSession  # type: ignore[import-untyped]
    except ImportError:
        raise EngineError(
            f"engine databricks of '{customer.name}' with run: connect needs databricks-connect, which brings its own "
            "pyspark: in an environment of Python 3.12 without pyspark, pip install 'databricks-connect==17.3.*'"
        ) from None
    from databricks.sdk.core import Config

    try:
        builder = DatabricksSession.builder.sdkConfig(Config(**credentials(settings)))
        builder = (
            builder.clusterId(settings.existing_cluster_id) if settings.existing_cluster_id else builder.serverless()
        )
        session: SparkSession = builder.getOrCreate()
    except Exception as error:
        raise EngineError(refusal(customer, settings, error)) from None
    return session


def credentials(settings: Settings) -> dict[str, Any]:
    """Return the credentials for Databricks' clients; they look up the rest (DATABRICKS_*, ~/.databrickscfg, cloud)."""
    given = {"host": settings.host, "token": settings.token, "profile": settings.profile}
    limits = {"http_timeout_seconds": settings.timeout_seconds, "retry_timeout_seconds": settings.timeout_seconds}
    return {name: value for name, value in given.items() if value} | limits


def refusal(
    customer: Customer, settings: Settings, error: BaseException, secrets: Mapping[str, str] | None = None
) -> str:
    """Return one line that says how a workspace or its client failed, without any secret, and what to do."""
    cause = " ".join(str(error).split()).partition(". Config: ")[0] or type(error).__name__
    if isinstance(error, TimeoutError):
        cause = f"no answer for {settings.timeout_seconds} seconds (engine.options.timeout_seconds)"
    for value, name in {**(secrets or {}), **({settings.token: "token"} if settings.token else {})}.items():
        cause = cause.replace(value, name) if value else cause
    place = settings.host or os.environ.get("DATABRICKS_HOST", "the workspace")
    return (
        f"engine databricks of '{customer.name}' at {customer.hide(place)}: {customer.hide(cause).rstrip('. ')}. "
        "Check engine.url, engine.options.token or DATABRICKS_*, and what that account may do; then run again"
    )
