"""`capflow dev` in a process group of its own, what its GraphQL answers, and the end of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
# What a shell starts in the background, and all its children, is deaf to Ctrl-C: let this one hear it again.
CAPFLOW = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); from capflow_assets.cli import main; main()"
LOADED = "{workspaceOrError {... on Workspace {locationEntries {locationOrLoadError {__typename}}}}}"
START_SECONDS, STOP_SECONDS = 120, 30

T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """A running Dagster UI."""

    url: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def loaded(self) -> bool:
        """Whether the UI answers and its code location is there."""
        try:
            entries = self.ask(LOADED)["workspaceOrError"]["locationEntries"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        found = [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries]
        assert "PythonError" not in found, "the code location does not load"
        return bool(found) and set(found) == {"RepositoryLocation"}


def command(home: Path, *arguments: str) -> dict[str, Any]:
    """How a subprocess runs `capflow`, with no state but that of `home`."""
    environment = {
        **os.environ,
        "CAPFLOW_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONPATH": str(REPOSITORY),
    }
    return {"args": [sys.executable, "-c", CAPFLOW, *arguments], "env": environment, "cwd": REPOSITORY}


@contextmanager
def dev(home: Path) -> Iterator[Served]:
    """The UI, daemon and sensors of `home`; every process of it has ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = home / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            **command(home, "dev", "--port", str(port)),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    served = Served(f"http://127.0.0.1:{port}")

    def ready() -> bool:
        assert process.poll() is None, f"capflow dev ended: {log.read_text()}"
        return served.loaded()

    try:
        until(ready, START_SECONDS, "the UI answers and the code location is loaded")
        yield served
    finally:
        _stop(process)


def until(ask: Callable[[], T], seconds: float, what: str) -> T:
    """The first true answer; AssertionError when there is none in time."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.5)
    return answer


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        end = time.monotonic() + STOP_SECONDS
        while not _gone(process) and time.monotonic() < end:
            time.sleep(0.2)


def _gone(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return True
    return False
