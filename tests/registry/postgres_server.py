"""A real PostgreSQL server on a free loopback port, for as long as the tests run."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder that holds initdb and postgres: Debian's newest, or the one in PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    found = shutil.which("initdb")
    folders = [*reversed(debian), *([Path(found).resolve().parent] if found else [])]
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


def _unprivileged(folder: Path) -> list[str]:
    """What comes before a command so that it does not run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    os.chown(folder, 65534, 65534)  # nobody
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(binaries: Path) -> Iterator[str]:
    """Start a server and give the URL of its first database, without the database's name."""
    home = Path(tempfile.mkdtemp(prefix="capflow-postgres-"))  # not pytest's folder, which only root may enter
    port, data, log = _free_port(), home / "data", home / "log"
    run_as = _unprivileged(home)
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "capflow", "--auth=trust", "-E", "UTF8", "--no-sync"]
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"]
    start = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    process = None
    try:
        subprocess.run([*run_as, *initdb], check=True, capture_output=True, timeout=120, cwd=home)
        with log.open("wb") as output:
            command = [*run_as, *start, *(word for setting in settings for word in ("-c", setting))]
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=home)
        _wait(process, port, log)
        yield f"postgresql://capflow@127.0.0.1:{port}"
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # disconnect whoever is still there
            process.wait(timeout=60)
        shutil.rmtree(home, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(f"postgresql://capflow@127.0.0.1:{port}/postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
