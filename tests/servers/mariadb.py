"""A real MariaDB server on a free loopback port, for as long as the tests run."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import free_port, unprivileged

USER, PASSWORD = "capflow", "S3cret-maria"


def programs() -> tuple[str, str] | None:
    """mariadbd and mariadb-install-db; None where they are not installed."""
    found = (
        shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"),
        shutil.which("mariadb-install-db"),
    )
    return (found[0], found[1]) if found[0] and found[1] else None


@contextmanager
def server(daemon: str, install: str) -> Iterator[str]:
    """Start a server and give the URL of it, without a database's name."""
    home = Path(tempfile.mkdtemp(prefix="capflow-mariadb-"))  # not pytest's folder, which only root may enter
    port, log = free_port(), home / "log"
    run_as = unprivileged(home)
    where = ["--no-defaults", f"--datadir={home / 'data'}", f"--tmpdir={home}"]
    small = [
        "--innodb-buffer-pool-size=16M",
        "--innodb-log-file-size=8M",
        "--innodb-flush-log-at-trx-commit=0",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=1M",
        "--skip-name-resolve",
    ]
    network = [
        "--bind-address=127.0.0.1",
        f"--port={port}",
        f"--socket={home / 'socket'}",
        f"--pid-file={home / 'pid'}",
    ]
    process = None
    try:
        first = [*run_as, install, *where, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(first, check=True, capture_output=True, timeout=120, cwd=home)
        with log.open("wb") as output:
            command = [*run_as, daemon, *where, *small, *network]
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=home)
        _wait(process, home / "socket", log)
        yield f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}"
    finally:
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
        shutil.rmtree(home, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    import pymysql

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with pymysql.connect(unix_socket=str(socket), user="root", connect_timeout=2) as connection:
                cursor = connection.cursor()
                cursor.execute(f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
                cursor.execute(f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION")
            return
        except pymysql.err.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"MariaDB did not start: {log.read_text(errors='replace')}")
