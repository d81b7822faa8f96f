"""What a customer file may say under `engine:`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from yaml.nodes import MappingNode, Node

from partitions.customer import ENGINES, Engine
from partitions.databricks_form import check_databricks
from partitions.form import Form
from partitions.hints import did_you_mean

SPARK_URL = r"local(\[(\d+|\*)\])?|spark://[^/\s]+:\d+(,[^/\s]+:\d+)*|sc://[^/\s]+(/?;\S+|/)?"
SPARK_URLS = "local[2], spark://host:7077 or sc://host:15002"
TIME_LIMIT = "timeout_seconds"


def read_engine(form: Form, node: Node | None) -> Engine:
    """`engine: spark`, or `engine: {kind: spark, url: ..., options: {...}}`."""
    if not isinstance(node, MappingNode):
        return Engine("duckdb" if node is None else _kind(form, node, "engine"))
    keys = form.entries(node, "engine", ("kind", "url", "options"))
    if "kind" not in keys:
        form.note(node, f"engine has no 'kind'; add 'kind: ...', one of {', '.join(ENGINES)}")
    engine = Engine(
        kind=_kind(form, keys["kind"], "engine.kind") if "kind" in keys else "duckdb",
        url=form.expanded(keys["url"], "engine.url") if "url" in keys else "",
        options=_options(form, keys.get("options")),
    )
    if engine.kind == "spark":
        _check_spark(form, engine, keys)
    if engine.kind == "databricks":
        check_databricks(form, engine, keys)
    return engine


def _kind(form: Form, node: Node, where: str) -> str:
    kind = form.text(node, where)
    if kind and kind not in ENGINES:
        form.note(node, f"unknown {where} '{kind}'{did_you_mean(kind, ENGINES)}")
    return kind


def _options(form: Form, node: Node | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in form.entries(node, "engine.options").items():
        plain = form.plain(value, f"engine.options.{key}")
        options[key] = form.expanded(value, f"engine.options.{key}") if isinstance(plain, str) else plain
    return options


def _check_spark(form: Form, engine: Engine, keys: Mapping[str, Node]) -> None:
    if engine.url and not re.fullmatch(SPARK_URL, engine.url):
        form.note(keys["url"], f"engine.url is no address of Spark; write it like {SPARK_URLS}")
    for name, value in engine.options.items():
        if name == TIME_LIMIT:
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                form.note(keys["options"], f"engine.options.{name} must be a number of seconds above 0")
        elif not name.startswith("spark."):
            form.note(keys["options"], f"engine.options.{name} is no setting of Spark; they begin with 'spark.'")
