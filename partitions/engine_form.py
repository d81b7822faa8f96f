"""`engine` in a customer file: DuckDB, Spark or Databricks, each with its options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from yaml.nodes import MappingNode, Node

from partitions.customer import ENGINES, Engine
from partitions.form import Form
from partitions.hints import did_you_mean

SPARK_URL = r"local(\[(\d+|\*)\])?|spark://[^/\s]+:\d+(,[^/\s]+:\d+)*|sc://[^/\s]+(/?;\S+|/)?"
SPARK_URLS = "local[2], spark://host:7077 or sc://host:15002"
TIME_LIMIT = "timeout_seconds"

# The fields of capflow_resources.engines.databricks.Settings, which has their defaults and would be an import upwards;
# a test holds both equal.
DATABRICKS_OPTIONS = (
    "driver_node_type_id",
    "existing_cluster_id",
    "instance_pool_id",
    "instance_profile_arn",
    "libraries",
    "lost_seconds",
    "max_workers",
    "min_workers",
    "node_type_id",
    "policy_id",
    "poll_seconds",
    "profile",
    "run",
    "run_timeout_seconds",
    "secret_scope",
    "secrets",
    "spark_version",
    "start_timeout_seconds",
    "timeout_seconds",
    "token",
    "volume",
)


def read_engine(form: Form, node: Node | None) -> Engine:
    """Read `engine: spark`, or `engine: {kind: spark, url: ..., options: {...}}`."""
    if not isinstance(node, MappingNode):
        return Engine("duckdb" if node is None else _kind(form, node, "engine"))
    keys = form.entries(node, "engine", ("kind", "url", "options"))
    if "kind" not in keys:
        form.note(node, f"engine has no 'kind'; add 'kind: ...', one of {', '.join(ENGINES)}")
    engine = Engine(
        kind=_kind(form, keys["kind"], "engine.kind") if "kind" in keys else "duckdb",
        url=form.expand(keys["url"], "engine.url") if "url" in keys else "",
        options=_options(form, keys.get("options")),
    )
    if engine.kind == "spark":
        _check_spark(form, engine, keys)
    if engine.kind == "databricks":
        _check_databricks(form, engine, keys)
    return engine


def _kind(form: Form, node: Node, where: str) -> str:
    kind = form.text(node, where)
    if kind and kind not in ENGINES:
        form.note(node, f"unknown {where} '{kind}'{did_you_mean(kind, ENGINES)}")
    return kind


def _options(form: Form, node: Node | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in form.entries(node, "engine.options").items():
        scalar = form.scalar(value, f"engine.options.{key}")
        options[key] = form.expand(value, f"engine.options.{key}") if isinstance(scalar, str) else scalar
    return options


def _check_spark(form: Form, engine: Engine, keys: Mapping[str, Node]) -> None:
    if engine.url and not re.fullmatch(SPARK_URL, engine.url):
        form.note(keys["url"], f"engine.url is not an address of Spark; write it like {SPARK_URLS}")
    for name, value in engine.options.items():
        if name == TIME_LIMIT:
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                form.note(keys["options"], f"engine.options.{name} must be a number of seconds above 0")
        elif not name.startswith("spark."):
            form.note(keys["options"], f"engine.options.{name} is not a Spark setting; they begin with 'spark.'")


def _check_databricks(form: Form, engine: Engine, keys: Mapping[str, Node]) -> None:
    if engine.url and not engine.url.startswith(("https://", "http://127.0.0.1:")):
        form.note(keys["url"], "engine.url is not an address of a workspace; write it like https://${DATABRICKS_HOST}")
    node = keys.get("options")
    for name, _ in node.value if isinstance(node, MappingNode) else ():
        if name.value not in DATABRICKS_OPTIONS:
            hint = did_you_mean(name.value, DATABRICKS_OPTIONS)
            form.note(name, f"unknown key '{name.value}' under engine.options{hint}")
