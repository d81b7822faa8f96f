"""A real PostgreSQL server on a free loopback port, for as long as the tests run."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import free_port, unprivileged

HBA = "host all capflow 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


def programs() -> Path | None:
    """The folder that holds initdb and postgres: Debian's newest, or the one in PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    found = shutil.which("initdb")
    folders = [*reversed(debian), *([Path(found).resolve().parent] if found else [])]
    return next((one for one in folders if (one / "initdb").exists() and (one / "postgres").exists()), None)


@contextmanager
def server(binaries: Path) -> Iterator[str]:
    """Start a server and give its URL without a database's name: user capflow, who needs no password; others do."""
    home = Path(tempfile.mkdtemp(prefix="capflow-postgres-"))  # not pytest's folder, which only root may enter
    port, data, log = free_port(), home / "data", home / "log"
    run_as = unprivileged(home)
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "capflow", "--auth=trust", "-E", "UTF8", "--no-sync"]
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB"]
    start = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    process = None
    try:
        subprocess.run([*run_as, *initdb], check=True, capture_output=True, timeout=120, cwd=home)
        (data / "pg_hba.conf").write_text(HBA)
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
