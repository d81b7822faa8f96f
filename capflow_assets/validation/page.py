"""validation/report.html: the page on one customer, assembled from what validation left in the lake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from capflow_assets.contract.outcome import Blocked
from capflow_assets.run.catalogue import tables
from capflow_assets.run.customer_run import REPORT, CustomerRun
from capflow_assets.run.gate import Verdict
from capflow_assets.validated import set_aside
from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.html import Dossier, ModelRow, TableRow, Trouble, render_customer
from capflow_assets.validation.html.dossier import State
from capflow_assets.validation.report import Report

PAGE = "validation/report.html"
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
    stored = _stored(run)
    verdict = run.verdict()
    state, reasons = _state(run, verdict)
    audits = [found for table in tables() if (found := set_aside.load_audit(run, table)) and table in run.tables()]
    return Dossier(
        run.name,
        state,
        written_at,
        reasons,
        troubles,
        Report.from_json(stored["report"]) if stored else None,
        verdict is None or _judged(stored) == (dict(verdict.raw), dict(verdict.validated)),
        tuple(_offence(one) for found in audits for one in found["offences"]),
        tuple(_table(found) for found in audits),
        tuple(_model(one) for one in stored.get("models", ())),
        verdict.judged_at if verdict else "",
        customer.vertical,
        customer.currency,
        customer.timezone,
        stored.get("first_sale"),
        bool(stored.get("as_of")),
    )


def judged_versions(run: CustomerRun) -> dict[str, dict[str, int]]:
    """Return the table versions that a report rests on, to be stored with it."""
    return {"raw": run.raw_versions(), "validated": run.validated_versions()}


def _judged(stored: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    return stored.get("raw", {}), stored.get("validated", {})


def _stored(run: CustomerRun) -> dict[str, Any]:
    content = run.home.lake.document(run.name, REPORT)
    return dict(json.loads(content)) if content else {}


def _state(run: CustomerRun, verdict: Verdict | None) -> tuple[State, tuple[str, ...]]:
    if verdict is None:
        return "not judged", ()
    if verdict.status == "blocked":
        return "blocked", verdict.reasons
    try:
        run.require_passed()
    except Blocked as reason:  # it passed once, but the data are others now
        return "blocked", (str(reason),)
    return "passed", ()


def _troubles(run: CustomerRun, but: str) -> tuple[Trouble, ...]:
    return tuple(
        Trouble(outcome.asset, outcome.reason)
        for outcome in run.home.registry.ledger(run.name)
        if outcome.status == "failed" and outcome.asset.startswith(LAYERS) and outcome.asset != but
    )


def _offence(found: dict[str, Any]) -> Violation:
    return Violation(**{**found, "sample": tuple(found["sample"])})


def _model(found: dict[str, Any]) -> ModelRow:
    return ModelRow(found["model"], "passed" if found["available"] else "not available", found["reason"])


def _table(found: dict[str, Any]) -> TableRow:
    names = ("table", "passed", "rows", "accepted", "set_aside", "readmitted", "left_out")
    return TableRow(**{name: found[name] for name in names})
