"""Whether a process of this machine is still alive: the one rule for what killed processes leave behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def current_process() -> str:
    """Return this process's identity: "host:pid:start"."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start(os.getpid())}"


def is_alive(pid: int, start: str | None = None) -> bool:
    """Return whether process `pid` exists and, where `start` is given, is still the one that started then.

    The system gives a number again, in a container often to the very next process.
    """
    import psutil

    return psutil.pid_exists(pid) and (start is None or _start(pid) == start)


def has_died(process: str) -> bool:
    """Return whether a process of this host is gone, by its identity; False for another host and for no identity."""
    host, pid, start = [*process.split(":"), "", ""][:3]
    return host == socket.gethostname() and not is_alive(int(pid), start)


def _start(pid: int) -> str:
    """Return when a process was started, in the kernel's ticks since boot; "" where there is no /proc.

    Not psutil's create_time(), which is wall-clock time: it changes when the clock is set.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
