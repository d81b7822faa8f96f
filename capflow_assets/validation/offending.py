"""offending/<kpi>: the rows to blame for a KPI that is out of bounds, and a sample of them for the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validated.audit.audit import SAMPLE_ROWS, sample_rows
from capflow_assets.validated.audit.record import publish_rows
from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.kpis.copies import surplus_copies
from capflow_assets.validation.kpis.integrity import RELATIONS, unknown_rows
from capflow_assets.validation.kpis.kpis import KPIS, rows_before, rows_from
from capflow_assets.validation.kpis.prices import price_outliers

if TYPE_CHECKING:
    import ibis

_LINE_FILTERS: Mapping[str, Callable[[ibis.Table], ibis.Table]] = {
    "return_share": lambda lines: lines.filter(lines["is_return"]),
    "duplicate_share": surplus_copies,
    "zero_price_share": lambda lines: lines.filter(~lines["is_return"], lines["unit_price"] <= 0),
    "price_outlier_share": lambda lines: price_outliers(lines.filter(~lines["is_return"])),
}
BLAMED: Mapping[str, str] = {
    **dict.fromkeys(_LINE_FILTERS, "line_items"),
    "future_share": "line_items",
    "anonymous_share": "bills",
    **{kpi: relation.table for kpi, relation in RELATIONS.items()},
}
"""The KPIs that have rows to blame, each with the table of these rows."""


def offending_rows(kpi: str, tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table | None:
    """Return the rows to blame for `kpi`, lazily, from validated tables before `as_of`; None where no single rows are.

    They have the columns of their table (`BLAMED`); price outliers also have `usual_price`, the item's median. There
    are as many as the KPI counted: duplicates without the one that may stay. `tables` are `line_items`, `bills`, and
    what else the customer sends.
    """
    needed = {BLAMED.get(kpi, ""), *(RELATIONS[kpi].needs if kpi in RELATIONS else ())}
    if not needed <= set(tables):
        return None
    if kpi == "future_share":
        return rows_from(tables["line_items"], as_of)
    known = {name: rows_before(table, as_of) for name, table in tables.items()}
    if kpi == "anonymous_share":
        return known["bills"].filter(known["bills"]["user_id"].isnull())
    return unknown_rows(kpi, known) if kpi in RELATIONS else _LINE_FILTERS[kpi](known["line_items"])


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
