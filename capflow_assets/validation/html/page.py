"""Rendering of dossiers as HTML pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.html.charts import draw_histogram, draw_series
from capflow_assets.validation.html.dossier import Dossier
from capflow_assets.validation.kpis.format import format_kpi, format_percent, format_title
from capflow_assets.validation.kpis.kpis import KPIS
from capflow_assets.validation.report import Report
from capflow_assets.validation.series import Series

if TYPE_CHECKING:
    from jinja2 import Environment

ALL = "index.html"
TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 300
MATTER = ("users", "bills", "total_bill_amount", "average_spent_per_visit", "anonymous_share", "return_share")
MARKS = {"passed": "✓", "warning": "!", "blocks": "✕", "not judged": "?"}
WORST_FIRST = ("blocked", "failed", "not judged", "passed")


@dataclass(frozen=True)
class KpiRow:
    """One row of the table of KPIs."""

    kpi: str
    title: str
    counts: str
    value: str
    bound: str
    source: str
    rule: str
    verdict: str


@dataclass(frozen=True)
class Fault:
    """A broken rule with what is needed to fix it. `verdict` is "blocks", "warning" or "set aside"."""

    title: str
    verdict: str
    message: str
    remedy: str
    rows: int | None = None
    share: str = ""
    bound: str = ""
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[str, ...], ...] = ()
    rows_at: str = ""
    command: str = ""


def render_customer(dossier: Dossier, index: bool = False) -> str:
    """Render the page of one customer; with `index` it links to the page of all customers beside it."""
    report = dossier.report
    return _render(
        "customer.html.j2",
        dossier=dossier,
        headline=_headline(dossier),
        faults=_list_faults(dossier),
        kpis=_kpi_rows(dossier),
        daily=_daily_rows(dossier),
        histograms=[draw_histogram(shape) for shape in report.distributions] if report else [],
        series=[draw_series(one) for one in sort_odd_first(report)] if report else [],
        index=ALL if index else "",
    )


def sort_odd_first(report: Report) -> list[Series]:
    """Return the series of a report, those of figures that are out of bounds first."""
    odd = {finding.kpi for finding in report.findings if not finding.passed}
    return sorted(report.series, key=lambda series: series.name not in odd)


def render_everyone(dossiers: Sequence[Dossier]) -> str:
    """Render one row per customer, the worst first, each with a link to NAME.html beside this page."""
    rows = sorted(dossiers, key=lambda one: (WORST_FIRST.index(one.state), -len(one.warnings), one.customer))
    return _render("everyone.html.j2", dossiers=rows, kpis=MATTER)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    # All text comes from a retailer's data, so everything is escaped.
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.globals |= {"format_kpi": format_kpi, "title": format_title, "mark": MARKS.get}
    return found


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


def _kpi_rows(dossier: Dossier) -> list[KpiRow]:
    if dossier.report is None:
        return []
    findings = {finding.kpi: finding for finding in dossier.report.findings}
    return [_kpi_row(kpi, value, findings.get(kpi), dossier.currency) for kpi, value in dossier.report.values.items()]


def _kpi_row(kpi: str, value: float | None, finding: Finding | None, currency: str) -> KpiRow:
    counts, name, told = KPIS.get(kpi, ""), format_title(kpi), format_kpi(kpi, value, currency)
    if finding is None:
        return KpiRow(kpi, name, counts, told, "none", "", "", "")
    bound = _format_limits(finding, currency)
    return KpiRow(kpi, name, counts, told, bound, finding.source, finding.rule, finding.verdict)


def _daily_rows(dossier: Dossier) -> list[KpiRow]:
    """Return the rows of daily figures: findings that are not of a KPI."""
    report = dossier.report
    if report is None:
        return []
    titles = {series.name: series.title for series in report.series}
    return [
        KpiRow(
            finding.kpi,
            format_title(finding.kpi),
            titles.get(finding.kpi, ""),
            format_kpi(finding.kpi, finding.value, dossier.currency),
            _format_limits(finding, dossier.currency),
            finding.source,
            finding.rule,
            finding.verdict,
        )
        for finding in report.findings
        if finding.kpi not in report.values and (finding.passed or finding.value is not None)
    ]


def _list_faults(dossier: Dossier) -> list[Fault]:
    """List every broken rule, blocking ones first. A KPI's violation supplies its rows, its finding the rest."""
    findings = [found for found in (dossier.report.findings if dossier.report else ()) if not found.passed]
    violations = dossier.violations
    rows = {
        violation.check: violation for violation in violations if violation.check in {found.kpi for found in findings}
    }
    found = [
        _fault_of_violation(dossier.customer, violation) for violation in violations if violation not in rows.values()
    ]
    found += [_fault_of_finding(dossier, finding, rows.get(finding.kpi)) for finding in findings]
    return sorted(found, key=lambda fault: ("blocks", "warning", "set aside").index(fault.verdict))


def _fault_of_finding(dossier: Dossier, finding: Finding, violation: Violation | None) -> Fault:
    rows = {} if violation is None else _row_fields(dossier.customer, violation)
    value = format_kpi(finding.kpi, finding.value, dossier.currency)
    verdict, bound = finding.verdict, _format_limits(finding, dossier.currency)
    title, remedy = format_title(finding.kpi), finding.remedy
    return Fault(title, verdict, finding.message, remedy, **{**rows, "share": value, "bound": bound})


def _fault_of_violation(customer: str, violation: Violation) -> Fault:
    rule = " ".join(filter(None, (violation.column, violation.check.replace("_", " "))))
    title, verdict = f"{violation.table}: {rule}", "blocks" if violation.blocks else "set aside"
    return Fault(title, verdict, violation.message, violation.remedy, **_row_fields(customer, violation))


def _row_fields(customer: str, violation: Violation) -> dict[str, Any]:
    columns = tuple(dict.fromkeys(name for row in violation.sample for name in row))
    table, file = violation.rows_at.removeprefix("quarantine/"), violation.rows_at.rpartition("/")[2]
    return {
        "rows": violation.rows,
        "share": format_percent(violation.share),
        "bound": f"at most {format_percent(violation.bound)}",
        "columns": columns,
        "sample": tuple(tuple(_format_cell(row, name) for name in columns) for row in violation.sample),
        "rows_at": violation.rows_at,
        "command": f"capflow quarantine {customer} {table} --out {file}.parquet" if table else "",
    }


def _format_cell(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _format_limits(finding: Finding, currency: str = "") -> str:
    """Format how far a KPI may go: "at least 1, at most 5"."""
    ends = (("least", finding.low), ("most", finding.high))
    return ", ".join(f"at {word} {format_kpi(finding.kpi, end, currency)}" for word, end in ends if end is not None)


def _headline(dossier: Dossier) -> str:
    """Explain the verdict in one or two sentences."""
    name, warnings = dossier.customer, len(dossier.warnings)
    if dossier.state == "passed":
        odd = {0: "nothing is odd", 1: "one thing is odd"}.get(warnings, f"{warnings} things are odd")
        return f"The data of {name} may be used: no check blocks, and {odd}."
    if dossier.state == "blocked":
        return (
            f"The data of {name} may not be used yet. Nothing after validation is computed from them; what was "
            "delivered before stays as it is. Mend what is named here, then run capflow run --customer " + name + "."
        )
    if dossier.state == "failed":
        return f"{name} could not be looked at. Mend what is named here, then run capflow run --customer {name}."
    return f"The data of {name} were never judged. Run capflow run --customer {name}."
