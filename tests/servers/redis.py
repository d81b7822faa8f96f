"""A real Redis server on a free loopback port, for as long as the tests run."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.process import free_port

PASSWORD = "S3cret-redis"


def program() -> str | None:
    """redis-server; None where it is not installed."""
    return shutil.which("redis-server")


@contextmanager
def server(program: str) -> Iterator[int]:
    """Start a server that keeps nothing on disk and asks for PASSWORD; give its port."""
    import redis

    port = free_port()
    settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", PASSWORD]
    process = subprocess.Popen(
        [program, "--port", str(port), *settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        with redis.Redis(port=port, password=PASSWORD) as client:
            while True:
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    if process.poll() is not None or time.monotonic() > until:
                        raise RuntimeError("redis-server did not start") from None
                    time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)
