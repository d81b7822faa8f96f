"""How a server of the tests is started: on a free loopback port, and never as root."""

import os
import socket
from pathlib import Path


def unprivileged(folder: Path) -> list[str]:
    """What comes before a command so that it does not run as root, which database servers refuse."""
    if os.geteuid() != 0:
        return []
    os.chown(folder, 65534, 65534)  # nobody
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
