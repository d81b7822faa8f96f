"""Staging: rows that are needed more than once are read once and kept on local disk in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.engines import storable, write_files

if TYPE_CHECKING:
    import ibis


@contextmanager
def stage_rows(run: CustomerRun, table: str, rows: ibis.Table) -> Iterator[ibis.Table]:
    """Yield the same rows from Parquet files under the home, which are deleted afterwards.

    One process at a time works on a customer: files found there were left by one that was killed.
    """
    folder = run.home.path / "staging" / run.name / table
    shutil.rmtree(folder, ignore_errors=True)
    try:
        files = write_files(rows, str(folder), "rows")
        yield (
            run.landing.read_parquet([str(folder / file.path) for file in files]) if files else storable(rows).limit(0)
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
