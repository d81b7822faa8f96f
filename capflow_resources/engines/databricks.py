"""Databricks for one customer: what its file says of the workspace, how large a cluster it gets, its Spark session."""

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

# A core of a worker takes 70,000 rows a second through one feature set (benchmarks of Spark on two cores, 10 million
# rows), so one worker of 8 cores takes 50 million in 90 seconds. Estimated, not measured on Databricks.
ROWS_PER_WORKER = 50_000_000
WORKERS = (1, 2), (16, 64)  # what (min, max) may be at least and at most; one worker more costs as much every minute
LEAST_SHARE = 4  # a cluster may shrink to a quarter: single steps read small tables
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
    """What `engine:` of a customer file says; every field but `host` is an option of that name.

    `run`: "job" computes on a cluster of the run's own, "connect" from here by Databricks Connect.
    `lost_seconds`: how long the workspace may be out of reach before a run is given up and cancelled.
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


def settings(customer: Customer) -> Settings:
    """The settings of a customer's engine; EngineError explains a wrong one, with the nearest right name."""
    kinds = {one.name: type(one.default) for one in fields(Settings) if one.name != "host"}
    values = {name: _value(customer, kinds, name, given) for name, given in customer.engine.options.items()}
    read = Settings(host=customer.engine.url.rstrip("/"), **values)
    if read.run not in ("job", "connect"):
        raise _wrong(customer, f"run: {read.run}", f"is unknown{did_you_mean(read.run, ('job', 'connect'))}")
    if read.volume and not read.volume.startswith("/Volumes/"):
        raise _wrong(customer, f"volume: {read.volume}", "is no volume: write it like /Volumes/catalog/schema/volume")
    if 0 < read.max_workers < read.min_workers:
        raise _wrong(customer, f"max_workers: {read.max_workers}", f"is under min_workers: {read.min_workers}")
    if read.secrets and not read.secret_scope:
        raise _wrong(customer, "secrets", "needs secret_scope: the scope of the workspace that holds them")
    both = [name for name in customer.engine.options if name in NEW_CLUSTER and read.existing_cluster_id]
    if both:
        raise _wrong(customer, ", ".join(both), "is for a new cluster: leave it out, or existing_cluster_id")
    return read


def _value(customer: Customer, kinds: Mapping[str, type], name: str, given: Any) -> Any:
    if name not in kinds:
        raise _wrong(customer, name, f"is unknown{did_you_mean(name, sorted(kinds))}")
    if kinds[name] is tuple:
        return tuple(filter(None, (part.strip() for part in str(given).split(","))))
    if kinds[name] is str:
        return str(given)
    if isinstance(given, bool) or not str(given).isdigit() or int(given) < 1:
        raise _wrong(customer, name, "must be a whole number of at least 1")
    return int(given)


def _wrong(customer: Customer, what: str, why: str) -> EngineError:
    return EngineError(f"engine databricks of '{customer.name}': option {what} {why} ({customer.path})")


def environment(customer: Customer, asked: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What the cluster's processes find in their environment; a secret is a reference that Databricks resolves.

    EngineError where the lake, the artefacts or the registry lie on this machine and the cluster could not reach them.
    """
    for name in PLACES:
        if is_local(environ.get(name, "")):
            raise EngineError(
                f"engine databricks of '{customer.name}': {name} is on this machine, where no cluster reaches it: "
                + ("use a PostgreSQL URL" if name == "CAPFLOW_REGISTRY" else "set it to a bucket, like s3://lake/x")
                + ", or set engine.options.run: connect"
            )
    secret = {name: f"{{{{secrets/{asked.secret_scope}/{name}}}}}" for name in asked.secrets}
    plain = {name: environ[name] for name in (*PLACES, *PLAIN) if environ.get(name) and name not in secret}
    if asked.existing_cluster_id:
        del plain["CAPFLOW_REGISTRY"]  # its password belongs into the cluster's own environment
    elif asked.secret_scope:
        secret["CAPFLOW_REGISTRY"] = f"{{{{secrets/{asked.secret_scope}/CAPFLOW_REGISTRY}}}}"
    elif urlsplit(plain["CAPFLOW_REGISTRY"]).password or "password=" in plain["CAPFLOW_REGISTRY"]:
        raise EngineError(
            f"engine databricks of '{customer.name}': a password may not stand in the request for a cluster: put "
            "CAPFLOW_REGISTRY into a secret scope of the workspace and name it in engine.options.secret_scope"
        )
    return {**plain, **secret}


def is_local(place: str) -> bool:
    """Whether only this machine reaches a place: a folder, a SQLite file, or none at all."""
    return "://" not in place or place.startswith(("file:", "sqlite:"))


@dataclass(frozen=True)
class Size:
    """How many workers a cluster may have, and the words that say why."""

    least: int
    most: int
    why: str


def size(rows: Mapping[str, int | None], tier: str, asked: Settings) -> Size:
    """The cluster for a customer: one worker for each 50 million rows of its raw tables, shrinking to a quarter.

    `rows` by table, None where it was never loaded; with none known, the size usual for the `tier` is taken.
    At least 1 to 2 workers, at most 16 to 64; `min_workers` and `max_workers` of the customer file go before.
    """
    known = [count for count in rows.values() if count is not None]
    total = sum(known) if known else UNKNOWN_ROWS[tier]
    (low, high), (top_low, top_high) = WORKERS
    most = asked.max_workers or max(min(max(ceil(total / ROWS_PER_WORKER), high), top_high), asked.min_workers)
    least = asked.min_workers or min(max(ceil(most / LEAST_SHARE), low), top_low, most)
    counted = f"{total:,} rows" if known else f"{total:,} rows, guessed from tier {tier}"
    return Size(least, most, f"{least} to {most} workers for {counted}, one for each {ROWS_PER_WORKER:,}")


def cluster(customer: Customer, asked: Settings, wanted: Size, env: Mapping[str, str], cloud: str) -> dict[str, Any]:
    """The `new_cluster` of a run, as the Jobs API takes it. `cloud`: aws, azure or gcp."""
    asked_for = {
        "spark_version": asked.spark_version,
        "autoscale": {"min_workers": wanted.least, "max_workers": wanted.most},
        "data_security_mode": "SINGLE_USER",
        "custom_tags": {"capflow_customer": customer.name},
        "spark_env_vars": dict(env),
        "policy_id": asked.policy_id,
        "instance_pool_id": asked.instance_pool_id,
        "node_type_id": asked.node_type_id or ("" if asked.instance_pool_id else NODES[cloud]),
        "driver_node_type_id": asked.driver_node_type_id,
        "aws_attributes": {"instance_profile_arn": asked.instance_profile_arn} if asked.instance_profile_arn else None,
    }
    return {name: value for name, value in asked_for.items() if value}


def libraries(customer: Customer, asked: Settings) -> list[dict[str, Any]]:
    """CapFlow's wheel and what else a new cluster installs; EngineError when no wheel is named."""
    if asked.existing_cluster_id:
        return []
    if not any(name.endswith(".whl") for name in asked.libraries):
        raise EngineError(
            f"engine databricks of '{customer.name}': no wheel of CapFlow: build it (python -m build), upload it, and "
            "name it in engine.options.libraries, like /Volumes/main/capflow/wheels/capflow-0.1.0-py3-none-any.whl"
        )
    return [{"whl": name} if name.endswith(".whl") else {"pypi": {"package": name}} for name in asked.libraries]


def session(customer: Customer) -> SparkSession:
    """The Spark session of a customer: the cluster's own where this runs on one, otherwise by Databricks Connect."""
    if os.environ.get(RUNTIME):
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()
    asked = settings(customer)
    if asked.run == "job":
        raise EngineError(
            f"engine databricks of '{customer.name}' computes in a job of its workspace, not in this process: "
            "run it with `capflow run` or in Dagster, or set engine.options.run: connect"
        )
    return _connected(customer, asked)


def _connected(customer: Customer, asked: Settings) -> SparkSession:
    try:
        from databricks.connect import DatabricksSession  # type: ignore[import-untyped]
    except ImportError:
        raise EngineError(
            f"engine databricks of '{customer.name}' with run: connect needs databricks-connect, which brings its own "
            "pyspark: in an environment of Python 3.12 without pyspark, pip install 'databricks-connect==17.3.*'"
        ) from None
    from databricks.sdk.core import Config

    try:
        builder = DatabricksSession.builder.sdkConfig(Config(**credentials(asked)))
        builder = builder.clusterId(asked.existing_cluster_id) if asked.existing_cluster_id else builder.serverless()
        connected: SparkSession = builder.getOrCreate()
    except Exception as error:
        raise EngineError(refused(customer, asked, error)) from None
    return connected


def credentials(asked: Settings) -> dict[str, Any]:
    """What Databricks's own clients are given; what is absent they look up (DATABRICKS_*, ~/.databrickscfg, cloud)."""
    named = {"host": asked.host, "token": asked.token, "profile": asked.profile}
    limits = {"http_timeout_seconds": asked.timeout_seconds, "retry_timeout_seconds": asked.timeout_seconds}
    return {name: value for name, value in named.items() if value} | limits


def refused(customer: Customer, asked: Settings, error: BaseException, secrets: Mapping[str, str] | None = None) -> str:
    """One line of what a workspace or its client said, without any secret, and what to do."""
    said = " ".join(str(error).split()).partition(". Config: ")[0] or type(error).__name__
    if isinstance(error, TimeoutError):
        said = f"no answer for {asked.timeout_seconds} seconds (engine.options.timeout_seconds)"
    for value, name in {**(secrets or {}), **({asked.token: "token"} if asked.token else {})}.items():
        said = said.replace(value, name) if value else said
    place = asked.host or os.environ.get("DATABRICKS_HOST", "the workspace")
    return (
        f"engine databricks of '{customer.name}' at {customer.hide(place)}: {customer.hide(said).rstrip('. ')}. "
        "Check engine.url, engine.options.token or DATABRICKS_*, and what that account may do; then run again"
    )
