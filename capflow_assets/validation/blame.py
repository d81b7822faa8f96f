"""offending/<kpi>: all rows to blame for a KPI that is out of bounds, and a sample of them for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validated.audit.audit import SAMPLE_ROWS, sample_rows
from capflow_assets.validated.audit.record import publish_rows
from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.kpis.kpis import KPIS
from capflow_assets.validation.kpis.offending import BLAMED, offending_rows

if TYPE_CHECKING:
    import ibis


def publish_offending(
    run: CustomerRun, findings: Sequence[Finding], tables: Mapping[str, ibis.Table], as_of: datetime
) -> tuple[Violation, ...]:
    """Publish the rows to blame for each finding that warns or blocks, and return their violations.

    The table of a KPI that is within its bounds again is emptied.
    """
    failed = sorted((finding for finding in findings if not finding.passed), key=lambda finding: finding.blocks)
    broken = {finding.kpi: finding for finding in failed}
    violations = []
    for kpi in KPIS:
        asset = f"offending/{kpi}"
        rows = offending_rows(kpi, tables, as_of) if kpi in broken else None
        facts = {"as_of": as_of.isoformat(), "fingerprint": "", "inputs": run.validated_versions()}
        published = publish_rows(run, asset, rows, facts)
        if published:
            violations.append(_violation(run, broken[kpi], asset, published))
    return tuple(violations)


def _violation(run: CustomerRun, finding: Finding, asset: str, rows: int) -> Violation:
    table = BLAMED[finding.kpi]
    whole = run.version(f"validated/{table}")
    stored = run.read(asset)
    first = stored.order_by(list(stored.columns)).limit(SAMPLE_ROWS)
    return Violation(
        check=finding.kpi,
        table=table,
        column="",
        rows=rows,
        share=rows / whole.rows if whole and whole.rows else 0.0,
        bound=finding.high if finding.high is not None else finding.low or 0.0,
        blocks=finding.blocks,
        message=finding.message,
        remedy=finding.remedy,
        sample=sample_rows(first),
        rows_at=asset,
    )
