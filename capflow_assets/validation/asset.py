"""validation/report: the customer's KPIs against their bounds, and the verdict that gates everything downstream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.outcome import CHECKS, Blocked, Check, Markdown, Outcome, Status
from capflow_assets.contract.validation_report import ValidationReport
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import REPORT, CustomerRun, fingerprint
from capflow_assets.validated.asset import is_current
from capflow_assets.validation.needs.availability import contract_terms, list_availability, measure_needs
from capflow_assets.validation.offending import publish_offending
from capflow_assets.validation.page import load_plots, load_report, publish_page
from capflow_assets.validation.report import Report, build_report
from capflow_assets.validation.verticals import load_thresholds

if TYPE_CHECKING:
    import ibis

CHECK = CHECKS["validation"]
NO_TIMES = datetime(1970, 1, 1)


def judge(run: CustomerRun, asset: str) -> Outcome:
    """Measure the customer's data, compare KPIs with their bounds, publish the report and then the verdict."""
    _require_tables(run)
    current = fingerprint(
        validated=run.validated_versions(),
        tables=run.tables(),
        bounds=dict(run.customer.thresholds),
        expected=run.customer.expected,
        vertical=_vertical(run),
        timezone=run.customer.timezone,
        contracts=contract_terms(run),
        code=code_version(__name__),
    )
    today = _next_midnight(datetime.now(UTC).replace(tzinfo=None))
    stored = None if run.force else _load_readable_report(run)
    is_reused = stored is not None and stored.fingerprint == current and _is_as_fresh(stored, today)
    if stored is None or not is_reused:
        stored = _measure(run, today, current)
        run.home.lake.put_document(run.name, REPORT, stored.to_json().encode())
    report = Report.from_json(stored.report)
    run.publish_verdict(report.reasons)
    page = publish_page(run, but=asset)
    return _outcome(asset, report, stored, is_reused, page, load_plots(run, report, current))


def _load_readable_report(run: CustomerRun) -> ValidationReport | None:
    try:
        return load_report(run)
    except ValueError:  # another version's document, or a damaged one: measure again
        return None


def _require_tables(run: CustomerRun) -> None:
    behind = [table for table in run.tables() if not is_current(run, table)]
    if behind:
        names = ", ".join(f"validated/{table}" for table in behind)
        raise Blocked(
            f"{names} of '{run.name}' did not pass an audit of the newest raw data: "
            f"run `capflow run --customer {run.name}` and read its reasons"
        )


def _is_as_fresh(stored: ValidationReport, today: datetime) -> bool:
    """Return whether the finding on freshness still holds: without new data, time alone can change it."""
    return Report.from_json(stored.report).is_as_fresh((today - stored.today).days)


def _measure(run: CustomerRun, today: datetime, current: str) -> ValidationReport:
    tables = {table: run.read(f"validated/{table}") for table in run.tables()}
    first, as_of = _span(tables["line_items"])
    report = build_report(tables, run.customer, as_of or NO_TIMES, _vertical(run), today)
    report = replace(report, violations=publish_offending(run, report.findings, tables, as_of or NO_TIMES))
    stored = ValidationReport(
        current,
        today,
        as_of,
        first,
        int(report.values["users"] or 0),
        int(report.values["bills"] or 0),
        report.to_json(),
        measure_needs(run, tables),
        run.raw_versions(),
        run.validated_versions(),
    )
    return replace(stored, models=list_availability(run, stored))


def _vertical(run: CustomerRun) -> dict[str, float]:
    return load_thresholds(run.customer.vertical, run.home.path)


def _span(lines: ibis.Table) -> tuple[datetime | None, datetime | None]:
    """Return the first sale, and the midnight after the last one that is not in the future."""
    past = lines.filter(lines.ts < datetime.now(UTC).replace(tzinfo=None))
    found = past.aggregate(first=past.ts.min(), last=past.ts.max()).to_pyarrow().to_pylist()[0]
    if found["last"] is None:
        return None, None
    return found["first"], _next_midnight(found["last"])


def _next_midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _outcome(
    asset: str, report: Report, stored: ValidationReport, is_reused: bool, page: str, plots: Mapping[str, bytes]
) -> Outcome:
    facts = {
        "as_of": stored.as_of.isoformat() if stored.as_of else None,
        "page": page,
        "warnings": list(report.warnings),
        "KPIs": Markdown(report.markdown()),
        "models": [{"model": one.model, "passed": one.available, "reason": one.reason} for one in stored.models],
    }
    check = Check(CHECK, report.passed, {"findings": [vars(finding) for finding in report.findings]})
    status: Status = "blocked" if not report.passed else "reused" if is_reused else "done"
    return Outcome(asset, status, "; ".join(report.reasons), facts, plots, check, stored.fingerprint)
