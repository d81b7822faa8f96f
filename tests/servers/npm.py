"""Servers that come as npm packages: installed once into a cache folder, started on a free loopback port."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.servers.process import free_port

SECONDS = 240


def package(name: str, version: str) -> Path:
    """The folder of an installed package; the test is skipped where npm is missing or cannot install it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip(f"no server of npm's {name}: install Node.js with npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capflow-tests"
    folder = cache / f"{name}-{version}"
    if not folder.exists():
        partial = cache / f"{name}-{version}.{uuid4().hex}"
        partial.mkdir(parents=True)
        install = [npm, "install", "--no-audit", "--no-fund", "--omit=optional", "--prefix", str(partial)]
        try:
            subprocess.run(
                [*install, f"{name}@{version}"], check=True, capture_output=True, timeout=SECONDS, cwd=partial
            )
            partial.rename(folder)  # appears whole; another process may have been quicker
        except (subprocess.SubprocessError, OSError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            if not folder.exists():
                pytest.skip(f"npm cannot install {name} ({type(error).__name__})")
    return folder / "node_modules" / name


@contextmanager
def started(script: Path, *arguments: str) -> Iterator[int]:
    """Run a server's script with `--host` and `--port`, and give the port once it answers."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="capflow-npm-")  # where a server may write its log and settings
    command = ["node", str(script), "--host", "127.0.0.1", "--port", str(port), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{script.name} did not start") from None
                time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)
