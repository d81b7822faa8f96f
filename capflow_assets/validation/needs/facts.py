"""How much a customer's data has of what models ask for: by the report, and as of an earlier date counted anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validation.kpis.kpis import count_users_and_bills, rows_before
from capflow_assets.validation.needs import availability as contracts
from capflow_assets.validation.needs.unmet import Facts


def gather_facts(run: CustomerRun, positives: int | None = None, negatives: int | None = None) -> Facts:
    """What a model asks of a customer's data before any work is done for it, as it was at the run's date."""
    report: Mapping[str, Any] = run.report()
    counted, days, has_times = report, 0, report["as_of"] is not None
    if has_times:
        as_of = run.as_of()
        days = (as_of - run.first_sale()).days
        counted = _count_before(run, as_of) if as_of < datetime.fromisoformat(report["as_of"]) else report
    users, bills, measures = counted["users"], counted["bills"], counted.get("measures", {})
    return Facts(set(run.tables()), users, bills, days, has_times, positives, negatives, measures)


def _count_before(run: CustomerRun, as_of: datetime) -> Mapping[str, Any]:
    """What the report counts, of the rows before a date; once in a run."""
    if as_of not in run.counted:
        tables = {table: rows_before(run.read(f"validated/{table}"), as_of) for table in run.tables()}
        run.counted[as_of] = {
            **count_users_and_bills(tables["bills"], as_of),
            "measures": contracts.measure_needs(run, tables),
        }
    return run.counted[as_of]
