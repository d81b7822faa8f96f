"""Export of the latest predictions as a file for other systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.home import Home
from capflow_resources.lake import LakeError
from capflow_resources.row_files import write_rows

if TYPE_CHECKING:
    import ibis


def latest_predictions(run: CustomerRun, model: str) -> ibis.Table:
    """Return the newest batch of predictions; raises LakeError if there is none."""
    version = run.version(f"prediction/{model}")
    if version is None:
        raise LakeError(
            f"'{run.name}' has no predictions of {model}: see `capflow status --customer {run.name}` for the reason"
        )
    table = run.home.lake.read(run.name, f"prediction/{model}", run.landing, version.version)
    newest = table.as_of.max().execute()
    return table.filter(table.as_of == newest)


def export_predictions(home: Home, customer: str, model: str, path: Path) -> int:
    """Write the newest predictions to a .csv, .parquet or .json file, whole or not at all; return the number of rows.

    In CSV the reasons of a row are joined by "; ".
    """
    run = CustomerRun(home, customer)
    rows = latest_predictions(run, model)
    return write_rows(rows.order_by(models()[model].key), path)
