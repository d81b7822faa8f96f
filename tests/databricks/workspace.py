"""A Databricks workspace on loopback: the REST API that CapFlow's clients use, and runs that really compute.

It speaks what Databricks documents of Jobs 2.2 (runs/submit, get, get-output, cancel), DBFS 2.0 and Files 2.0, with
their limits (a token, 1 MB a DBFS read or put). A submitted run executes the task's wheel in a process of its own
(cluster.py) or follows a script of states, to be cancelled, refused or never started.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "dapi0123456789abcdef"
MEGABYTE = 1_000_000
CLUSTER = Path(__file__).with_name("cluster.py")
REPOSITORY = CLUSTER.parents[2]
Answer = tuple[int, Any]


class ApiError(Exception):
    """An error as the API answers it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = status, {"error_code": code, "message": message}


@dataclass
class Submitted:
    """One run: its request, the states it goes through, and its process, where it has one."""

    number: int
    request: dict[str, Any]
    states: list[dict[str, str]]
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    fault: str = ""

    def state(self) -> dict[str, str]:
        """The next state; the last one stays."""
        if self.process is None:
            return self.states.pop(0) if len(self.states) > 1 else self.states[0]
        code = self.process.poll()
        if code is None:
            return RUNNING
        if self.states and "result_state" in self.states[-1]:
            return self.states[-1]
        assert self.log is not None
        self.fault = self.log.read_text().strip().splitlines()[-1] if code else ""
        return SUCCESS if code == 0 else FAILED


PENDING = {"life_cycle_state": "PENDING", "state_message": "Waiting for cluster"}
RUNNING = {"life_cycle_state": "RUNNING", "state_message": "In run"}
SUCCESS = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
FAILED = {
    "life_cycle_state": "TERMINATED",
    "result_state": "FAILED",
    "state_message": "Workload failed, see run output for details",
}
CANCELED = {"life_cycle_state": "TERMINATED", "result_state": "CANCELED", "state_message": "Run cancelled."}
NO_QUOTA = {
    "life_cycle_state": "INTERNAL_ERROR",
    "result_state": "FAILED",
    "state_message": "Cluster could not be launched: CLOUD_PROVIDER_LAUNCH_FAILURE: VcpuLimitExceeded",
}
SKIPPED = {"life_cycle_state": "SKIPPED", "state_message": "A previous run is still active"}


@dataclass
class Workspace:
    """What the server holds, and how it is told to misbehave.

    `script`: by customer, the states of its runs instead of computing them. `trouble`: by customer, what its requests
    meet from then on: by the end of a path, how many answers get lost on the way (the request is carried out), or by
    a status, how often the state of its run is answered by it. `secrets`: what {{secrets/capflow/NAME}} stands for, and
    what the owner of an existing cluster has put there. `cluster`: the environment of every cluster. `dies`: by
    customer, the asset in which its driver is interrupted.
    """

    folder: Path
    host: str = ""
    script: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    trouble: dict[str, dict[str | int, int]] = field(default_factory=dict)
    now: dict[str | int, int] = field(default_factory=dict)
    dies: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    cluster: dict[str, str] = field(default_factory=dict)
    runs: dict[int, Submitted] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    cancelled: list[int] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def stop(self) -> None:
        """End what still runs."""
        for run in self.runs.values():
            if run.process is not None and run.process.poll() is None:
                run.process.kill()
                run.process.wait(timeout=10)

    def jobs_submit(self, body: dict[str, Any]) -> Any:
        token = body.get("idempotency_token", "")
        if token and token in self.tokens:
            return {"run_id": self.tokens[token]}
        for task in body["tasks"]:
            if ("new_cluster" in task) == ("existing_cluster_id" in task):
                raise ApiError(400, "INVALID_PARAMETER_VALUE", "Exactly one cluster must be specified")
        number = 1000 + len(self.runs)
        customer = body["run_name"].removeprefix("CapFlow ")
        run = self.runs[number] = Submitted(number, body, list(self.script.get(customer, [])))
        self.now = self.trouble.get(customer, {})
        if token:
            self.tokens[token] = number
        if not run.states:
            self._start(run, self.dies.get(customer, ""))
        return {"run_id": number}

    def requests(self, customer: str) -> list[Submitted]:
        """The runs that were submitted for a customer."""
        return [run for run in self.runs.values() if run.request["run_name"] == f"CapFlow {customer}"]

    def jobs_get(self, query: dict[str, str]) -> Any:
        run = self._run(query)
        return {
            "run_id": run.number,
            "run_page_url": f"{self.host}/?o=1#job/1/run/{run.number}",
            "state": run.state(),
            "tasks": [{"task_key": "capflow", "run_id": run.number + 5000}],
        }

    def jobs_output(self, query: dict[str, str]) -> Any:
        run = self.runs[int(query["run_id"]) - 5000]
        return {"metadata": {"run_id": run.number}, **({"error": run.fault} if run.fault else {})}

    def jobs_cancel(self, body: dict[str, Any]) -> Any:
        run = self._run(body)
        self.cancelled.append(run.number)
        if run.process is not None and run.process.poll() is None:
            run.process.kill()
            run.process.wait(timeout=10)
        run.states[:] = [CANCELED]
        return {}

    def _run(self, asked: dict[str, Any]) -> Submitted:
        try:
            return self.runs[int(asked["run_id"])]
        except KeyError:
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Run {asked['run_id']} does not exist.") from None

    def _start(self, run: Submitted, dies: str) -> None:
        task = run.request["tasks"][0]
        wheel = task["python_wheel_task"]
        env = {
            name: self._secret(value) for name, value in task.get("new_cluster", {}).get("spark_env_vars", {}).items()
        }
        env = env if "new_cluster" in task else self.secrets
        run.log = self.folder / f"{run.number}.log"
        command = [sys.executable, str(CLUSTER), wheel["package_name"], wheel["entry_point"]]
        with run.log.open("wb") as log:
            run.process = subprocess.Popen(
                [*command, *wheel.get("parameters", [])],
                env={
                    "PATH": os.environ["PATH"],
                    "STAND_IN_FILES": str(self.folder),
                    "STAND_IN_DIES": dies,
                    **self.cluster,
                    **env,
                },
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _secret(self, value: str) -> str:
        return re.sub(r"\{\{secrets/capflow/(\w+)\}\}", lambda found: self.secrets[found[1]], value)

    def path(self, name: str) -> Path:
        """Where a file of DBFS or of a volume lies."""
        found = (self.folder / name.removeprefix("dbfs:").lstrip("/")).resolve()
        assert found.is_relative_to(self.folder), name
        return found

    def dbfs_mkdirs(self, body: dict[str, Any]) -> Any:
        self.path(body["path"]).mkdir(parents=True, exist_ok=True)
        return {}

    def dbfs_put(self, body: dict[str, Any]) -> Any:
        content = base64.b64decode(body["contents"])
        if len(content) > MEGABYTE:
            raise ApiError(400, "MAX_BLOCK_SIZE_EXCEEDED", "use create, add-block and close")
        self.path(body["path"]).write_bytes(content)
        return {}

    def dbfs_delete(self, body: dict[str, Any]) -> Any:
        found = self.path(body["path"])
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
        return {}

    def dbfs_status(self, query: dict[str, str]) -> Any:
        found = self._existing(query["path"])
        return {"path": query["path"], "is_dir": found.is_dir(), "file_size": found.stat().st_size}

    def dbfs_read(self, query: dict[str, str]) -> Any:
        length, offset = int(query.get("length", MEGABYTE // 2)), int(query.get("offset", 0))
        if length > MEGABYTE:
            raise ApiError(400, "MAX_READ_SIZE_EXCEEDED", "at most 1 MB at once")
        data = self._existing(query["path"]).read_bytes()[offset : offset + length]
        return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}

    def _existing(self, name: str) -> Path:
        found = self.path(name)
        if not found.exists():
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"No file or directory exists on path {name}.")
        return found

    def files(self, method: str, name: str, content: bytes) -> Answer:
        """Files API: one file of a volume."""
        if method == "PUT":
            self.path(name).write_bytes(content)
            return 204, b""
        found = self._existing(name)
        if method == "DELETE":
            found.unlink()
            return 204, b""
        return 200, found.read_bytes()

    def directories(self, method: str, name: str) -> Answer:
        """Files API: one directory of a volume."""
        if method == "PUT":
            self.path(name).mkdir(parents=True, exist_ok=True)
            return 204, b""
        found = self._existing(name)
        if method == "DELETE":
            found.rmdir()
            return 204, b""
        held = [
            {"name": one.name, "path": f"{name}/{one.name}", "is_directory": one.is_dir()} for one in found.iterdir()
        ]
        return 200, {"contents": held}


JSON_ROUTES = {
    ("POST", "/api/2.2/jobs/runs/submit"): Workspace.jobs_submit,
    ("GET", "/api/2.2/jobs/runs/get"): Workspace.jobs_get,
    ("GET", "/api/2.2/jobs/runs/get-output"): Workspace.jobs_output,
    ("POST", "/api/2.2/jobs/runs/cancel"): Workspace.jobs_cancel,
    ("POST", "/api/2.0/dbfs/mkdirs"): Workspace.dbfs_mkdirs,
    ("POST", "/api/2.0/dbfs/put"): Workspace.dbfs_put,
    ("POST", "/api/2.0/dbfs/delete"): Workspace.dbfs_delete,
    ("GET", "/api/2.0/dbfs/get-status"): Workspace.dbfs_status,
    ("GET", "/api/2.0/dbfs/read"): Workspace.dbfs_read,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    workspace: Workspace

    def answer(self) -> None:
        space, parts = self.workspace, urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with space.lock:
            status, told = self._told(parts.path, dict(parse_qsl(parts.query)), content)
            ends = (one for one in space.now if isinstance(one, str) and space.now[one])
            lost = next((end for end in ends if parts.path.endswith(end)), None)
            if lost is not None:
                space.now[lost] -= 1
        if lost is not None:  # carried out, and the answer never arrives
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if isinstance(told, bytes) else "application/json")
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _told(self, path: str, query: dict[str, str], content: bytes) -> Answer:
        space = self.workspace
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token."}
        busy = next((status for status in space.now if isinstance(status, int) and space.now[status]), None)
        if busy is not None and path.endswith("runs/get"):
            space.now[busy] -= 1
            return busy, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "later, please"}
        try:
            if path.startswith("/api/2.0/fs/files/"):
                return space.files(self.command, unquote(path.removeprefix("/api/2.0/fs/files")), content)
            if path.startswith("/api/2.0/fs/directories/"):
                return space.directories(self.command, unquote(path.removeprefix("/api/2.0/fs/directories")))
            route = JSON_ROUTES.get((self.command, path))
            if route is None:
                raise ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{self.command} {path}'")
            return 200, route(space, query if self.command == "GET" else json.loads(content))
        except ApiError as error:
            return error.answer

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@contextmanager
def workspace(folder: Path) -> Iterator[Workspace]:
    """Start a workspace that keeps its files in `folder`, and stop it with all its runs."""
    folder.mkdir(parents=True, exist_ok=True)
    space = Workspace(folder.resolve())
    handler = type("Handler", (_Handler,), {"workspace": space})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    space.host = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield space
    finally:
        server.shutdown()
        server.server_close()
        space.stop()


def wait_for(what: Any, seconds: float = 30) -> None:
    """Wait until `what()` holds; AssertionError when it never does."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)
