"""validation/report: the customer's KPIs against their bounds, and the verdict that everything downstream obeys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.outcome import CHECKS, Blocked, Check, Markdown, Outcome, Status
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import REPORT, CustomerRun, fingerprint
from capflow_assets.validated.asset import is_current
from capflow_assets.validation.blame import publish_offending
from capflow_assets.validation.needs import availability as contracts
from capflow_assets.validation.page import judged_versions, publish_page
from capflow_assets.validation.pictures import load_plots
from capflow_assets.validation.report import Report, build_report
from capflow_assets.validation.verticals import load_thresholds

if TYPE_CHECKING:
    import ibis

CHECK = CHECKS["validation"]
NO_TIMES = datetime(1970, 1, 1)


def judge(run: CustomerRun, asset: str) -> Outcome:
    """Measure the customer, compare with the bounds, publish the report and then the verdict."""
    _require_tables(run)
    mark = fingerprint(
        validated=run.validated_versions(),
        tables=run.tables(),
        bounds=dict(run.customer.thresholds),
        expected=run.customer.expected,
        vertical=_vertical(run),
        timezone=run.customer.timezone,
        contracts=contracts.contract_terms(run),
        code=code_version(__name__),
    )
    content = run.home.lake.document(run.name, REPORT)
    stored: dict[str, Any] = json.loads(content) if content else {}
    today = _midnight(datetime.now(UTC).replace(tzinfo=None))
    reused = not run.force and stored.get("fingerprint") == mark and _is_as_fresh(stored, today)
    if not reused:
        stored = {"fingerprint": mark, "today": today.isoformat(), **judged_versions(run), **_measure(run, today)}
        run.home.lake.put_document(run.name, REPORT, json.dumps(stored).encode())
    made = Report.from_json(stored["report"])
    run.publish_verdict(made.reasons)
    page = publish_page(run, but=asset)
    return _outcome(asset, made, stored, reused, page, load_plots(run, made, mark))


def _require_tables(run: CustomerRun) -> None:
    behind = [table for table in run.tables() if not is_current(run, table)]
    if behind:
        names = ", ".join(f"validated/{table}" for table in behind)
        raise Blocked(
            f"{names} of '{run.name}' did not pass an audit of the newest raw data: "
            f"run `capflow run --customer {run.name}` and read its reasons"
        )


def _is_as_fresh(stored: dict[str, Any], today: datetime) -> bool:
    """Whether what was said of the last sale's age is still so: without new data, time alone can change it."""
    return Report.from_json(stored["report"]).is_as_fresh((today - datetime.fromisoformat(stored["today"])).days)


def _measure(run: CustomerRun, today: datetime) -> dict[str, Any]:
    tables = {table: run.read(f"validated/{table}") for table in run.tables()}
    first, as_of = _span(tables["line_items"])
    made = build_report(tables, run.customer, as_of or NO_TIMES, _vertical(run), today)
    made = replace(made, offences=publish_offending(run, made.findings, tables, as_of or NO_TIMES))
    found = {
        "as_of": as_of.isoformat() if as_of else None,
        "first_sale": first.isoformat() if first else None,
        "users": int(made.values["users"] or 0),
        "bills": int(made.values["bills"] or 0),
        "measures": contracts.measure_needs(run, tables),
        "report": made.to_json(),
    }
    return {**found, "models": contracts.list_availability(run, found)}


def _vertical(run: CustomerRun) -> dict[str, float]:
    return load_thresholds(run.customer.vertical, run.home.path)


def _span(lines: ibis.Table) -> tuple[datetime | None, datetime | None]:
    """The first sale, and the midnight after the last one that is not in the future."""
    past = lines.filter(lines.ts < datetime.now(UTC).replace(tzinfo=None))
    found = past.aggregate(first=past.ts.min(), last=past.ts.max()).to_pyarrow().to_pylist()[0]
    if found["last"] is None:
        return None, None
    return found["first"], _midnight(found["last"])


def _midnight(moment: datetime) -> datetime:
    """The midnight after it."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _outcome(
    asset: str, made: Report, stored: dict[str, Any], reused: bool, page: str, plots: Mapping[str, bytes]
) -> Outcome:
    facts = {"as_of": stored["as_of"], "page": page, "warnings": list(made.warnings), "KPIs": Markdown(made.markdown())}
    facts["models"] = [
        {"model": one["model"], "passed": one["available"], "reason": one["reason"]} for one in stored["models"]
    ]
    check = Check(CHECK, made.passed, {"findings": [vars(finding) for finding in made.findings]})
    status: Status = "blocked" if not made.passed else "reused" if reused else "done"
    return Outcome(asset, status, "; ".join(made.reasons), facts, plots, check, stored["fingerprint"])
