"""From what is known of customers' data to the text of an HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_assets.validated.audit.offence import Offence
from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.html import words
from capflow_assets.validation.html.charts import histogram, over_time
from capflow_assets.validation.html.dossier import Dossier
from capflow_assets.validation.kpis.catalogue import KPIS
from capflow_assets.validation.report import Report
from capflow_assets.validation.series import Series

if TYPE_CHECKING:
    from jinja2 import Environment

ALL = "index.html"
TEMPLATES = Path(__file__).parent / "templates"
LONGEST = 300
MATTER = ("users", "bills", "total_bill_amount", "average_spent_per_visit", "anonymous_share", "return_share")
WORST_FIRST = ("blocked", "failed", "not judged", "passed")


@dataclass(frozen=True)
class KpiRow:
    """A KPI as the table of KPIs shows it."""

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
    """A rule that failed, and all that helps to mend it. `verdict` is "blocks", "warning" or "set aside"."""

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


def customer_page(dossier: Dossier, index: bool = False) -> str:
    """The report on one customer; with `index` it links to the page of all customers beside it."""
    report = dossier.report
    return _render(
        "customer.html.j2",
        dossier=dossier,
        headline=words.headline(dossier),
        faults=_faults(dossier),
        kpis=_kpis(dossier),
        daily=_daily(dossier),
        histograms=[histogram(shape) for shape in report.distributions] if report else [],
        series=[over_time(one) for one in odd_first(report)] if report else [],
        index=ALL if index else "",
    )


def odd_first(report: Report) -> list[Series]:
    """The series of a report, those of figures that are out of bounds first."""
    odd = {finding.kpi for finding in report.findings if not finding.passed}
    return sorted(report.series, key=lambda series: series.name not in odd)


def everyone_page(dossiers: Sequence[Dossier]) -> str:
    """One row a customer, the worst first, each with a link to NAME.html beside this page."""
    rows = sorted(dossiers, key=lambda one: (WORST_FIRST.index(one.state), -len(one.warnings), one.customer))
    return _render("everyone.html.j2", dossiers=rows, kpis=MATTER)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    # Everything comes from a retailer's data: nothing is shown without being escaped.
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.globals |= {"shown": words.shown, "title": words.title, "mark": words.MARKS.get}
    return found


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


def _kpis(dossier: Dossier) -> list[KpiRow]:
    if dossier.report is None:
        return []
    findings = {finding.kpi: finding for finding in dossier.report.findings}
    return [_kpi(kpi, value, findings.get(kpi), dossier.currency) for kpi, value in dossier.report.values.items()]


def _kpi(kpi: str, value: float | None, finding: Finding | None, currency: str) -> KpiRow:
    counts, name, told = KPIS.get(kpi, ""), words.title(kpi), words.shown(kpi, value, currency)
    if finding is None:
        return KpiRow(kpi, name, counts, told, "none", "", "", "")
    bound = words.limits(finding, currency)
    return KpiRow(kpi, name, counts, told, bound, finding.source, finding.rule, words.verdict(finding))


def _daily(dossier: Dossier) -> list[KpiRow]:
    """What was compared with the customer's own past: findings that are not of a KPI."""
    report = dossier.report
    if report is None:
        return []
    titles = {series.name: series.title for series in report.series}
    return [
        KpiRow(
            finding.kpi,
            words.title(finding.kpi),
            titles.get(finding.kpi, ""),
            words.shown(finding.kpi, finding.value, dossier.currency),
            words.limits(finding, dossier.currency),
            finding.source,
            finding.rule,
            words.verdict(finding),
        )
        for finding in report.findings
        if finding.kpi not in report.values and (finding.passed or finding.value is not None)
    ]


def _faults(dossier: Dossier) -> list[Fault]:
    """Every rule that failed, what blocks first. A KPI's offence brings its rows, its finding all else."""
    findings = [found for found in (dossier.report.findings if dossier.report else ()) if not found.passed]
    offences = dossier.offences
    rows = {offence.check: offence for offence in offences if offence.check in {found.kpi for found in findings}}
    found = [_of_rows(dossier.customer, offence) for offence in offences if offence not in rows.values()]
    found += [_of_kpi(dossier, finding, rows.get(finding.kpi)) for finding in findings]
    return sorted(found, key=lambda fault: ("blocks", "warning", "set aside").index(fault.verdict))


def _of_kpi(dossier: Dossier, finding: Finding, offence: Offence | None) -> Fault:
    rows = {} if offence is None else _rows(dossier.customer, offence)
    value = words.shown(finding.kpi, finding.value, dossier.currency)
    verdict, bound = words.verdict(finding), words.limits(finding, dossier.currency)
    title, remedy = words.title(finding.kpi), finding.remedy
    return Fault(title, verdict, finding.message, remedy, **{**rows, "share": value, "bound": bound})


def _of_rows(customer: str, offence: Offence) -> Fault:
    rule = " ".join(filter(None, (offence.column, offence.check.replace("_", " "))))
    title, verdict = f"{offence.table}: {rule}", "blocks" if offence.blocks else "set aside"
    return Fault(title, verdict, offence.message, offence.remedy, **_rows(customer, offence))


def _rows(customer: str, offence: Offence) -> dict[str, Any]:
    columns = tuple(dict.fromkeys(name for row in offence.sample for name in row))
    table, file = offence.rows_at.removeprefix("quarantine/"), offence.rows_at.rpartition("/")[2]
    return {
        "rows": offence.rows,
        "share": words.percent(offence.share),
        "bound": f"at most {words.percent(offence.bound)}",
        "columns": columns,
        "sample": tuple(tuple(_cell(row, name) for name in columns) for row in offence.sample),
        "rows_at": offence.rows_at,
        "command": f"capflow quarantine {customer} {table} --out {file}.parquet" if table else "",
    }


def _cell(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
