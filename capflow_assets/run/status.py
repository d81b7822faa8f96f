"""The status of every customer x model: verdict, champion, metric, predictions and what came true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from capflow_assets.contract.outcome import Blocked
from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.home import Home
from capflow_resources.registry import LedgerEntry, Version


@dataclass(frozen=True)
class ModelStatus:
    """One customer and model. `note` says why something is missing, `performance` what came true of predictions."""

    customer: str
    model: str
    data: str
    champion: int | None = None
    metric: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    predictions: int | None = None
    as_of: str | None = None
    trained_at: str | None = None
    performance: str = ""
    note: str = ""


def list_status(home: Home, customers: Sequence[str]) -> list[ModelStatus]:
    """Return one row for each customer and each model that it asked for."""
    return [row for customer in customers for row in _customer(home, customer)]


def _customer(home: Home, name: str) -> list[ModelStatus]:
    run = CustomerRun(home, name)
    try:
        run.require_passed()
        data, note = "passed", ""
    except Blocked as reason:
        data, note = "blocked", str(reason)
    except ValueError as error:
        return [ModelStatus(name, model, "failed", note=str(error)) for model in models()]
    champions = {version.model: version for version in home.registry.champions(name)}
    ledger = {outcome.asset: outcome for outcome in home.registry.ledger(name)}
    wanted = [model for model in models() if run.customer.wants(model)]
    return [_row(run, model, data, note, champions.get(model), ledger) for model in wanted]


def _row(
    run: CustomerRun, model: str, data: str, note: str, champion: Version | None, ledger: dict[str, LedgerEntry]
) -> ModelStatus:
    delivered = run.version(f"prediction/{model}")
    facts = delivered.facts if delivered else {}
    performance = ledger.get(f"performance/{model}")
    return ModelStatus(
        run.name,
        model,
        data,
        champion.number if champion else None,
        champion.metrics.name if champion else models()[model].metric,
        champion.metrics.value if champion else None,
        champion.metrics.low if champion else None,
        champion.metrics.high if champion else None,
        champion.metrics.baseline_value if champion else None,
        facts.get("delivered"),
        facts.get("as_of"),
        _iso(champion.created_at) if champion else None,
        performance.reason if performance else "",
        note or _why(model, ledger),
    )


def _why(model: str, ledger: dict[str, LedgerEntry]) -> str:
    """Return the reason of the latest attempt that did not succeed, the one nearest to the cause first."""
    for asset in (f"model/{model}", f"prediction/{model}"):
        outcome = ledger.get(asset)
        if outcome is not None and outcome.status not in ("done", "reused"):
            return outcome.reason
    return ""


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
