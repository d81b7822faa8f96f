"""model/<name>: train on past snapshots, evaluate on a later one, register the version, and decide on its promotion."""

from __future__ import annotations

from dataclasses import replace
from time import process_time
from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Outcome, Status
from capflow_assets.features.load import data_versions
from capflow_assets.prediction.predict_with import find_damage
from capflow_assets.prediction.version_facts import VersionFacts
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import training_code
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.candidate import SEED, Candidate
from capflow_assets.training.card.card import build_evaluation_record
from capflow_assets.training.card.store import card_metadata, load_picture, store_card
from capflow_assets.training.evaluation import curves
from capflow_assets.training.evaluation.promotion import PromotionDecision
from capflow_assets.training.fallback import is_pool_unchanged, share_with_pool, sync_contribution, train_with_fallback
from capflow_assets.training.settings import recipe_hash
from capflow_resources.registry import Metrics, Version


def train(run: CustomerRun, asset: str) -> Outcome:
    """Train, evaluate and register one model of one customer, and promote it if it is better.

    The version that was evaluated is the one that is registered. An unchanged version is reused. Raises NotAvailable
    or Blocked, with the reason, if the model cannot be trained.
    """
    model = models()[asset.removeprefix("model/")]
    if not run.force and (reusable := _find_reusable(run, model)):
        return _outcome(run, asset, reusable, "reused", f"unchanged since v{reusable.number}")
    began = process_time()
    candidate = train_with_fallback(run, model)
    version = _register(run, model, candidate, process_time() - began)
    _record_decision(run, version, candidate.decision)
    share_with_pool(run, model, candidate)
    return _outcome(run, asset, version, "done", candidate.decision.reason)


def register_as_champion(
    run: CustomerRun, model: Model, candidate: Candidate, reason: str, cpu_seconds: float
) -> Version:
    """Register a candidate and promote it for a reason that lies outside this customer (a wave of customers)."""
    version = _register(run, model, candidate, cpu_seconds)
    share_with_pool(run, model, candidate)
    return run.home.registry.promote(run.name, model.name, version.number, reason)


def _inputs(run: CustomerRun, model: Model) -> dict[str, Any]:
    return {"seed": SEED, "code_version": training_code(model), "data_versions": data_versions(run, model)}


def _register(run: CustomerRun, model: Model, candidate: Candidate, cpu_seconds: float) -> Version:
    fit = candidate.fit
    facts = replace(fit.facts, recipe=recipe_hash(run, model), vertical=run.customer.vertical)
    version = run.home.registry.register(
        run.name,
        model.name,
        fit.artefact.files,
        columns=fit.artefact.columns,
        parameters=fit.parameters,
        facts=facts.to_json(),
        metrics=_metrics(model, candidate),
        trained_as_of=fit.test.as_of,
        cpu_seconds=cpu_seconds,
        **_inputs(run, model),
    )
    _store_evaluation(run, model, version, candidate)
    return version


def _find_reusable(run: CustomerRun, model: Model) -> Version | None:
    """Return the newest version if inputs, recipe and pool are unchanged, it was decided on, and its files are intact.

    None also if the pool still lacks this customer's contribution.
    """
    for version in run.home.registry.versions(run.name, model.name)[-1:]:
        is_same = (
            all(getattr(version, name) == value for name, value in _inputs(run, model).items())
            and VersionFacts.from_json(version.facts).recipe == recipe_hash(run, model)
            and is_pool_unchanged(run, model, version)
            and _is_decided(run, version)
            and find_damage(run, version) is None
        )
        return version if is_same and sync_contribution(run, model, version) else None
    return None


def _is_decided(run: CustomerRun, version: Version) -> bool:
    events = run.home.registry.events(version.customer, version.model)
    return any(event.version == version.number and event.kind in ("promoted", "kept") for event in events)


def _metrics(model: Model, candidate: Candidate) -> Metrics:
    evaluation = candidate.challenger
    return Metrics(
        model.metric,
        evaluation.value,
        model.baseline_name,
        candidate.baseline.value,
        candidate.fit.test.as_of,
        evaluation.users,
        evaluation.low,
        evaluation.high,
        None if candidate.champion is None else candidate.champion.value,
    )


def _store_evaluation(run: CustomerRun, model: Model, version: Version, candidate: Candidate) -> None:
    """Store the curves and the card's record of the test date next to the customer's tables."""
    fit = candidate.fit
    title = f"{run.name} / {model.title}"
    picture = curves.draw_curves(model.task, title, fit.test.outcome, candidate.prediction)
    record = build_evaluation_record(
        model,
        fit.train,
        fit.test,
        fit.facts,
        candidate.prediction,
        candidate.baseline_prediction,
        candidate.champion_prediction,
        fit.evidence,
    )
    store_card(run, version, record, picture)


def _record_decision(run: CustomerRun, version: Version, decision: PromotionDecision) -> None:
    """Promote or keep a new version; one with a decision stays as it is, for it may have been rolled back since."""
    if _is_decided(run, version):
        return
    record = run.home.registry.promote if decision.promoted else run.home.registry.keep
    record(version.customer, version.model, version.number, decision.reason)


def _outcome(run: CustomerRun, asset: str, version: Version, status: Status, reason: str) -> Outcome:
    picture = load_picture(run.home, version)
    champion = run.home.registry.champion(version.customer, version.model)
    metrics, facts = version.metrics, VersionFacts.from_json(version.facts)
    facts_to_show = {
        "version": version.number,
        "champion": champion.number if champion else None,
        metrics.name: metrics.value,
        "95 % interval": None if metrics.low is None else f"{metrics.low:.4g} to {metrics.high:.4g}",
        f"baseline: {metrics.baseline_name}": metrics.baseline_value,
        "tested on": metrics.tested_as_of.isoformat(),
        "users": metrics.rows,
        "columns": list(version.columns),
        "warnings": list(facts.warnings),
        "cpu_seconds": version.cpu_seconds,
        "rung": facts.rung,
        "digest": version.digest[:12],
        **card_metadata(run, version),
    }
    return Outcome(asset, status, reason, facts_to_show, {"on the test date": picture} if picture else {})
