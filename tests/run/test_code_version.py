"""The version of code changes with whatever that code imports, and with nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

from capflow_assets.run import code_version as versions

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("capflow_assets", "capflow_resources", "partitions")
FILES = [file for package in PACKAGES for file in ROOT.glob(f"{package}/**/*.py")]


def parsed(path: Path) -> set[str]:
    """What Python itself takes a file's imports for, of CapFlow's own modules and what is taken from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith(tuple(f"{package}." for package in PACKAGES))}


def test_every_import_of_every_file_is_found() -> None:
    assert len(FILES) > 200
    assert {path.name: missed for path in FILES if (missed := parsed(path) - versions._imports(path))} == {}


def test_what_a_library_imports_by_way_of_others_counts() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in versions._files("capflow_assets.features.snapshots", set())}
    assert {"capflow_assets/validated/anchors.py", "capflow_assets/validated/cleaning/cleaning.py"} <= files
    assert not [file for file in files if "/graph/" in file or "/cli/" in file]
