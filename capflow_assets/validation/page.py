"""validation/report.html and plots.json: the page and plots on one customer, from what validation left in the lake."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime

from capflow_assets.contract.outcome import Blocked
from capflow_assets.contract.validation_report import ModelAvailability, ValidationReport
from capflow_assets.run.catalogue import tables
from capflow_assets.run.customer_run import REPORT, CustomerRun
from capflow_assets.run.gate import Verdict
from capflow_assets.validated.audit.record import AuditRecord, load_audit
from capflow_assets.validation.html import Dossier, ModelRow, TableRow, Trouble, render_customer
from capflow_assets.validation.html.dossier import State
from capflow_assets.validation.html.page import sort_odd_first
from capflow_assets.validation.plots import draw_distribution, draw_series
from capflow_assets.validation.report import Report

PAGE = "validation/report.html"
PLOTS = "validation/plots.json"
DAYS = "KPIs by day"
LAYERS = ("raw/", "validated/", "validation/")


def publish_page(run: CustomerRun, but: str = "") -> str:
    """Publish the page of a customer, blocked or not, and return its address.

    Leaves out the ledger's entry of the asset `but`, which is just being made.
    """
    text = render_customer(gather_dossier(run, but))
    run.home.lake.put_document(run.name, PAGE, text.encode())
    return run.hide(f"{run.home.lake.uri}/{run.name}/{PAGE}")


def gather_dossier(run: CustomerRun, but: str = "") -> Dossier:
    """Gather the current state of a customer's data from the lake's documents and the ledger; reads no table."""
    written_at = datetime.now(UTC).replace(tzinfo=None)
    troubles = _troubles(run, but)
    try:
        customer = run.customer
    except ValueError as error:  # the file has mistakes; the message names them and no secret
        return Dossier(run.name, "failed", written_at, tuple(str(error).splitlines()), troubles)
    stored = load_report(run)
    verdict = run.verdict()
    state, reasons = _state(run, verdict)
    audits = [record for table in tables() if table in run.tables() and (record := load_audit(run, table))]
    return Dossier(
        run.name,
        state,
        written_at,
        reasons,
        troubles,
        Report.from_json(stored.report) if stored else None,
        verdict is None or _versions(stored) == (dict(verdict.raw), dict(verdict.validated)),
        tuple(violation for record in audits for violation in record.violations),
        tuple(_table_row(record) for record in audits),
        tuple(_model_row(one) for one in stored.models) if stored else (),
        verdict.judged_at if verdict else "",
        customer.vertical,
        customer.currency,
        customer.timezone,
        stored.first_sale.isoformat() if stored and stored.first_sale else None,
        stored is not None and stored.as_of is not None,
    )


def load_report(run: CustomerRun) -> ValidationReport | None:
    """Load the stored validation report, whatever the verdict; None if there is none."""
    content = run.home.lake.document(run.name, REPORT)
    return None if content is None else ValidationReport.from_json(content)


def _versions(stored: ValidationReport | None) -> tuple[dict[str, int], dict[str, int]]:
    return (dict(stored.raw), dict(stored.validated)) if stored else ({}, {})


def _state(run: CustomerRun, verdict: Verdict | None) -> tuple[State, tuple[str, ...]]:
    if verdict is None:
        return "not judged", ()
    if verdict.status == "blocked":
        return "blocked", verdict.reasons
    try:
        run.require_passed()
    except Blocked as reason:  # it passed once, but the data changed since
        return "blocked", (str(reason),)
    return "passed", ()


def _troubles(run: CustomerRun, but: str) -> tuple[Trouble, ...]:
    return tuple(
        Trouble(outcome.asset, outcome.reason)
        for outcome in run.home.registry.ledger(run.name)
        if outcome.status == "failed" and outcome.asset.startswith(LAYERS) and outcome.asset != but
    )


def _model_row(model: ModelAvailability) -> ModelRow:
    return ModelRow(model.model, "passed" if model.available else "not available", model.reason)


def _table_row(record: AuditRecord) -> TableRow:
    names = ("table", "passed", "rows", "accepted", "set_aside", "readmitted", "left_out")
    return TableRow(**{name: getattr(record, name) for name in names})


def load_plots(run: CustomerRun, report: Report, fingerprint: str) -> Mapping[str, bytes]:
    """Return the report's plots as PNG by title: the distributions, and the daily figures in one.

    Plots are cached in the lake under the report's fingerprint: drawing them costs more than measuring again.
    """
    content = None if run.force else run.home.lake.document(run.name, PLOTS)
    kept = json.loads(content) if content else {}
    if kept.get("fingerprint") == fingerprint:
        return {title: b64decode(png) for title, png in kept["plots"].items()}
    drawn = {shape.title: draw_distribution(shape, report.customer) for shape in report.distributions}
    if report.series:
        drawn[DAYS] = draw_series(sort_odd_first(report), report.customer)
    texts = {title: b64encode(png).decode() for title, png in drawn.items()}
    run.home.lake.put_document(run.name, PLOTS, json.dumps({"fingerprint": fingerprint, "plots": texts}).encode())
    return drawn
