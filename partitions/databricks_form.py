"""What a customer file may say under `engine:` of Databricks."""

from __future__ import annotations

from collections.abc import Mapping

from yaml.nodes import MappingNode, Node

from partitions.customer import Engine
from partitions.form import Form
from partitions.hints import did_you_mean

# capflow_resources.engines.databricks reads these; a test holds both equal.
OPTIONS = (
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


def check_databricks(form: Form, engine: Engine, keys: Mapping[str, Node]) -> None:
    """Note an address that is none, and an option that Databricks does not take, at its line."""
    if engine.url and not engine.url.startswith(("https://", "http://127.0.0.1:")):
        form.note(keys["url"], "engine.url is no address of a workspace; write it like https://${DATABRICKS_HOST}")
    node = keys.get("options")
    for name, _ in node.value if isinstance(node, MappingNode) else ():
        if name.value not in OPTIONS:
            form.note(name, f"unknown key '{name.value}' under engine.options{did_you_mean(name.value, OPTIONS)}")
