"""Stands for a Databricks cluster: runs the entry point of CapFlow's wheel that a task names, in this process.

Three things are not as on a cluster. The FUSE mounts /dbfs and /Volumes are a folder. CapFlow comes from this working
tree, not from the wheel. The tables are computed by DuckDB, or with STAND_IN_ENGINE=spark by a local Spark.
"""

from __future__ import annotations

import builtins
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = os.environ["STAND_IN_FILES"]
OPEN = builtins.open


def mounted(file: Any, *args: Any, **kwargs: Any) -> Any:
    """open(), with /dbfs and /Volumes below a folder; as there, a new file is seen when it is closed."""
    if not isinstance(file, str) or not file.startswith(("/dbfs/", "/Volumes/")):
        return OPEN(file, *args, **kwargs)
    path = FILES + file.removeprefix("/dbfs")
    return uploaded(path) if "w" in args else OPEN(path, *args, **kwargs)


@contextmanager
def uploaded(path: str) -> Iterator[TextIO]:
    """A file that appears whole."""
    with OPEN(f"{path}.part", "w", encoding="utf-8") as file:
        yield file
    Path(f"{path}.part").rename(path)


def interrupted(*_: Any) -> None:
    """What a step meets when the driver is told to end."""
    raise KeyboardInterrupt("the driver was told to end")


def main(package: str, entry_point: str) -> None:
    """Do as a python_wheel_task does."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["name"] == package
    module, function = project["scripts"][entry_point].split(":")
    sys.path[0] = str(REPOSITORY)
    builtins.open = mounted
    if os.environ.get("STAND_IN_ENGINE") != "spark":
        from capflow_resources import engines

        engines.connect = lambda *_: engines.duckdb.connect()
    if asset := os.environ["STAND_IN_DIES"]:
        from capflow_assets.run.plan import plan

        plan()[asset] = replace(plan()[asset], door="tests.databricks.cluster:interrupted")
    getattr(import_module(module), function)()


if __name__ == "__main__":
    named = sys.argv[1:3]
    sys.argv[1:3] = []
    main(*named)
