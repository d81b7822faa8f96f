"""A real Spark master with workers, and a real Spark Connect server, from the pyspark package, on loopback."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.servers.process import free_port

START_SECONDS = 120
SMALL = {
    "SPARK_DAEMON_MEMORY": "512m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_LOCAL_HOSTNAME": "127.0.0.1",
}
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
DEPLOY = "org.apache.spark.deploy"


def require_java() -> None:
    """Skip the test where Spark cannot run."""
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        pytest.skip("no Java: install Debian's openjdk-17-jre-headless, or set JAVA_HOME")


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """A standalone master and its workers of one core and 1 GB each: the master's URL."""
    port = free_port()
    url = f"spark://127.0.0.1:{port}"
    place = ["--host", "127.0.0.1", "--webui-port", "0"]
    with ExitStack() as running:
        master = [f"{DEPLOY}.master.Master", *place, "--port", str(port)]
        running.enter_context(_program(folder, "master", ["spark-class", *master], "New state: ALIVE"))
        for number in range(workers):
            work = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work{number}"), url]
            worker = ["spark-class", f"{DEPLOY}.worker.Worker", *place, *work]
            running.enter_context(_program(folder, f"worker{number}", worker, "Successfully registered with master"))
        yield url


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A Spark Connect server with one core: its URL."""
    port = free_port()
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.warehouse.dir": folder / "warehouse",
    }
    words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    command = ["spark-submit", "--master", "local[1]", *words, "--class", CONNECT]
    with _program(folder, "connect", [*command, "spark-internal"], "Spark Connect server started at"):
        yield f"sc://127.0.0.1:{port}"


@contextmanager
def _program(folder: Path, name: str, command: Sequence[str], ready: str) -> Iterator[None]:
    """One of pyspark's programs, once it has said that it is `ready`; its group of processes ends with the test."""
    import pyspark

    home = Path(pyspark.__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    environment = {**os.environ, **SMALL, "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(home / "bin" / command[0]), *command[1:]],
            stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True,
            preexec_fn=_end_with_us,
        )  # fmt: skip
    try:
        _wait(process, log, ready)
        yield
    finally:
        _end(process)


def _end_with_us() -> None:
    """Linux ends the program when the tests are killed and can end nothing themselves."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                continue


def _wait(process: subprocess.Popen[bytes], log: Path, said: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if said in log.read_text(errors="replace"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{log.stem} did not say '{said}' in {START_SECONDS} seconds: {log.read_text()[-2000:]}")
