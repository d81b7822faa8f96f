"""Where DuckDB puts what does not fit into memory: a folder of its own for each connection.

Two processes that share one, as DuckDB's default in the working directory makes them, overwrite each other's files.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from pathlib import Path
from uuid import uuid4


def spill_folder(place: Path | None = None) -> str:
    """A new folder's path in `place` (else in the system's temporary folder), which DuckDB makes when it needs it.

    DuckDB removes it in the end. What processes of this machine that were killed left in `place` is removed here.
    """
    place, machine = place or Path(tempfile.gettempdir()) / "capflow-spill", socket.gethostname()
    place.mkdir(parents=True, exist_ok=True)
    for folder in place.iterdir():
        own = re.fullmatch(rf"{re.escape(machine)}\.(\d+)\.[0-9a-f]{{32}}", folder.name)
        if own and not _lives(int(own[1])):
            shutil.rmtree(folder, ignore_errors=True)
    return str(place / f"{machine}.{os.getpid()}.{uuid4().hex}")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True
