"""The latest predictions as a file that another system can take."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.home import Home
from capflow_resources.lake import LakeError

if TYPE_CHECKING:
    import ibis


def latest_predictions(run: CustomerRun, model: str) -> ibis.Table:
    """The rows of the newest batch of predictions; LakeError when there is none."""
    version = run.version(f"prediction/{model}")
    if version is None:
        raise LakeError(
            f"'{run.name}' has no predictions of {model}: see `capflow status --customer {run.name}` for the reason"
        )
    table = run.home.lake.read(run.name, f"prediction/{model}", run.landing, version.version)
    newest = table.as_of.max().execute()
    return table.filter(table.as_of == newest)


def export_predictions(home: Home, customer: str, model: str, path: Path) -> int:
    """Write the newest predictions to a .csv, .parquet or .json file, whole or not at all; returns the rows written.

    In CSV the reasons of a row are joined by "; ".
    """
    run = CustomerRun(home, customer)
    rows = latest_predictions(run, model)
    return write_rows(rows.order_by(models()[model].key), path)


def write_rows(rows: ibis.Table, path: Path) -> int:
    """Write rows to a file by its ending (.csv, .parquet, .json), whole or not at all; returns the rows written."""
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
