"""An engine that cannot be used says so in one line and in time, and names no secret."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from capflow_resources.engines import EngineError, connect, spark
from capflow_resources.home import Home
from partitions.customer import Engine
from partitions.customer_file import check_customer_file
from tests.engines.engines import ON_CLUSTER, customer
from tests.servers.process import free_port
from tests.servers.spark import cluster, require_java
from tests.worlds.small_world import on_board

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "s3cr3t-t0ken"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def refusal(engine: Engine) -> str:
    with pytest.raises(EngineError) as caught:
        connect(replace(customer(engine), secrets={SECRET: "${TOKEN}"}))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    text = str(caught.value)
    assert "'acme'" in text
    assert "\n" not in text
    assert SECRET not in text
    return text


@pytest.mark.parametrize("url", ["spark://127.0.0.1:{port}", f"sc://127.0.0.1:{{port}}/;token={SECRET}"])
def test_nobody_there(url: str) -> None:
    told = refusal(Engine("spark", url.format(port=free_port()), {"timeout_seconds": 1}))
    assert "answers in 1 seconds. Start it, or correct engine.url (customers/acme.yaml)" in told


def test_a_connect_server_that_hangs(silent: int) -> None:
    url = f"sc://127.0.0.1:{silent}/;user_id={SECRET}"
    told = refusal(Engine("spark", url, {"timeout_seconds": 1}))
    assert f"at sc://127.0.0.1:{silent}/;user_id=${{TOKEN}}: no Spark Connect server answers in 1 seconds" in told


def test_a_cluster_without_workers(tmp_path: Path) -> None:
    """In a process of its own: a process holds one Spark, and here it is that of the other tests."""
    require_java()
    with cluster(tmp_path, workers=0) as url:
        engine = Engine("spark", url, {**ON_CLUSTER, "timeout_seconds": 3})
        code = f"from tests.engines.test_refused import *; print(refusal({engine!r}))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=REPOSITORY)
    assert "no worker takes a job in 3 seconds. Add workers or free some" in told.stdout, told.stderr


def test_no_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pyspark" else find_spec(name))
    assert refusal(Engine("spark")) == "engine spark of 'acme' needs pyspark: pip install 'capflow[spark]'"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"\nfirst {SECRET}.\n\tat org.apache.spark", "first ${TOKEN}"),
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", "Java did not start: install Java 17 or newer, and see"),
        ("", "RuntimeError"),
    ],
)
def test_what_spark_says_is_told_in_one_line(said: str, told: str) -> None:
    asked = replace(customer(Engine("spark")), secrets={SECRET: "${TOKEN}"})
    found = str(spark.session_error(asked, "local[2]", RuntimeError(said)))
    assert found.startswith(f"engine spark of 'acme' at local[2]: {told}")
    assert found.endswith(". Correct engine in customers/acme.yaml")
    assert "\n" not in found


def test_the_default_address_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPFLOW_SPARK", "yarn")
    assert "CAPFLOW_SPARK is not an address: write it like local[2], spark://" in refusal(Engine("spark"))


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("sparc", "unknown engine 'sparc'; did you mean 'spark'?"),
        ("{kind: sprak}", "unknown engine.kind 'sprak'; did you mean 'spark'?"),
        ("{url: 'local[2]'}", "engine has no 'kind'"),
        ("{kind: spark, uri: 'local[2]'}", "did you mean 'url'?"),
        (
            "{kind: spark, url: 'http://host:1'}",
            "engine.url is not an address of Spark; write it like local[2], spark://",
        ),
        ("{kind: spark, url: 'spark://host'}", "engine.url is not an address of Spark"),
        ("{kind: spark, options: {executor.memory: 2g}}", "is not a Spark setting; they begin with 'spark.'"),
        ("{kind: spark, options: {timeout_seconds: soon}}", "must be a number of seconds above 0"),
        ("{kind: spark, url: 'sc://host/;token=${NOT_SET}'}", "environment variable NOT_SET is not set"),
        ("{kind: spark, url: 'sc://host:15002/;token=${TOKEN}', options: {spark.sql.ansi.enabled: true}}", None),
        ("{kind: spark, url: 'spark://a:7077,b:7077', options: {timeout_seconds: 60}}", None),
        ("{kind: spark, url: 'local[*]'}", None),
    ],
)
def test_a_customer_file_says_where(tmp_path: Path, engine: str, told: str | None) -> None:
    home = Home(tmp_path)
    on_board(home, tmp_path, "ann")
    file = home.customers_folder / "ann.yaml"
    text = file.read_text()
    assert "engine: duckdb" in text
    file.write_text(text.replace("engine: duckdb", f"engine: {engine}"))
    problems = check_customer_file(file, {**home.environment(), "TOKEN": SECRET})
    assert [problem.message for problem in problems if told and told in problem.message] or (told, problems) == (
        None,
        [],
    )
    assert SECRET not in str(problems)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("engine:"))
    assert {problem.line for problem in problems} <= {line}
