"""Loading DuckDB's extensions from the packages that pip installs, without a download or a write to disk."""

from __future__ import annotations

import importlib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def load_extension(con: DuckDBPyConnection, name: str) -> None:
    """Load an extension; raises ModuleNotFoundError if its package is not installed.

    The file is loaded from where pip put it: INSTALL would copy it to the home folder, which may not be writable.
    """
    import duckdb

    folder = Path(str(files(importlib.import_module(f"duckdb_extension_{name}"))))
    path = folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    con.execute(f"LOAD '{str(path).replace(chr(39), chr(39) * 2)}'")
