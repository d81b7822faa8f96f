"""Rows in quarantine: counted by reason, and exported as a file that an analyst can work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validation.kpis.kpis import KPIS
from capflow_resources.row_files import write_rows
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import ibis

QUARANTINE, OFFENDING = "quarantine", "offending"


class QuarantineError(ValueError):
    """Rows cannot be exported or readmitted: what, where and what to do."""


@dataclass(frozen=True)
class Held:
    """The rows held for one reason: in `quarantine/<table>`, or to blame for a KPI in `offending/<kpi>`."""

    asset: str
    reason: str
    rows: int


def list_held(run: CustomerRun) -> list[Held]:
    """List all held rows of a customer by table and reason, the most frequent reason of each table first."""
    return [found for asset in _assets_with_rows(run) for found in _count_by_reason(run, asset)]


def read_held(run: CustomerRun, asset: str) -> ibis.Table:
    """Read `quarantine/<table>` or `offending/<kpi>` in DuckDB; raises QuarantineError if it has no rows."""
    there = _assets_with_rows(run)
    if asset not in there:
        hint = did_you_mean(asset, there, otherwise=f"; there are rows in {', '.join(there) or 'no table'}")
        raise QuarantineError(f"'{run.name}' has no rows in {asset}{hint}")
    return run.home.lake.read(run.name, asset, run.landing, run.number(asset))


def export(run: CustomerRun, asset: str, path: Path) -> int:
    """Write all rows with their reasons to a .csv, .parquet or .json file, whole or not at all; return the number."""
    rows = read_held(run, asset)
    return write_rows(rows.order_by(list(rows.columns)), path)


def _assets_with_rows(run: CustomerRun) -> list[str]:
    names = [f"{QUARANTINE}/{table}" for table in run.tables()] + [f"{OFFENDING}/{kpi}" for kpi in KPIS]
    return [name for name in names if (version := run.version(name)) is not None and version.rows]


def _count_by_reason(run: CustomerRun, asset: str) -> Iterator[Held]:
    rows = read_held(run, asset)
    if "reason" not in rows.columns:
        version = run.version(asset)
        yield Held(asset, "", version.rows if version else 0)
        return
    counted = rows.group_by("reason").aggregate(rows=rows.count())
    for row in counted.order_by(counted["rows"].desc(), "reason").to_pyarrow().to_pylist():
        yield Held(asset, row["reason"], int(row["rows"]))
