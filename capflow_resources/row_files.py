"""Rows written to a file on disk, in the format of its ending."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis


def write_rows(rows: ibis.Table, path: Path) -> int:
    """Write rows to a file by its ending (.csv, .parquet, .json), whole or not at all; return the number of rows."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _WRITERS[path.suffix](rows, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return int(rows.count().execute())


def _write_csv(rows: ibis.Table, path: Path) -> None:
    lists = {name: rows[name].join("; ") for name, kind in rows.schema().items() if kind.is_array()}
    (rows.mutate(**lists) if lists else rows).to_csv(path)


def _write_json(rows: ibis.Table, path: Path) -> None:
    rows.to_pandas().to_json(path, orient="records", date_format="iso")


_WRITERS: dict[str, Callable[[ibis.Table, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": lambda rows, path: rows.to_parquet(path),
    ".json": _write_json,
}
