"""A raw table as the source has it: all that later layers know of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.sources.columns import WATERMARK

if TYPE_CHECKING:
    import ibis


def source_rows(run: CustomerRun, table: str) -> ibis.Table:
    """Return a raw table without CapFlow's own column."""
    raw = run.read(f"raw/{table}")
    return raw.drop(WATERMARK) if WATERMARK in raw.columns else raw
