"""model/<name>: learn from past snapshots, judge on a later one, register the version, and promote it by its rule."""

from __future__ import annotations

from time import process_time
from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Outcome, Status
from capflow_assets.features.load import data_versions
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import training_code
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training import card
from capflow_assets.training.candidate import SEED, Candidate, find_damage
from capflow_assets.training.card.store import card_metadata, load_picture, store_card
from capflow_assets.training.evaluation import curves
from capflow_assets.training.evaluation.promotion import PromotionDecision
from capflow_assets.training.fallback import is_pool_unchanged, share_with_pool, sync_contribution, train_with_fallback
from capflow_assets.training.settings import recipe_hash
from capflow_resources.registry import Metrics, Version


def train(run: CustomerRun, asset: str) -> Outcome:
    """Train one model of one customer; the version that was judged is the version that is kept."""
    model = models()[asset.removeprefix("model/")]
    if not run.force and (same := _same(run, model)):
        return _outcome(run, asset, same, "reused", f"unchanged since v{same.number}")
    began = process_time()
    trial = train_with_fallback(run, model)
    version = _registered(run, model, trial, process_time() - began)
    _publish(run, version, trial.decision)
    share_with_pool(run, model, trial)
    return _outcome(run, asset, version, "done", trial.decision.reason)


def register_as_champion(run: CustomerRun, model: Model, trial: Candidate, reason: str, cpu_seconds: float) -> Version:
    """Register what a trial made and make it champion, for a reason that lies outside this customer."""
    version = _registered(run, model, trial, cpu_seconds)
    share_with_pool(run, model, trial)
    return run.home.registry.promote(run.name, model.name, version.number, reason)


def _ingredients(run: CustomerRun, model: Model) -> dict[str, Any]:
    return {"seed": SEED, "code_version": training_code(model), "data_versions": data_versions(run, model)}


def _registered(run: CustomerRun, model: Model, trial: Candidate, cpu_seconds: float) -> Version:
    fit = trial.fit
    version = run.home.registry.register(
        run.name,
        model.name,
        fit.artefact.files,
        columns=fit.artefact.columns,
        parameters=fit.parameters,
        facts={**fit.artefact.facts, "recipe": recipe_hash(run, model), "vertical": run.customer.vertical},
        metrics=_metrics(model, trial),
        trained_as_of=fit.test.as_of,
        cpu_seconds=cpu_seconds,
        **_ingredients(run, model),
    )
    _keep(run, model, version, trial)
    return version


def _same(run: CustomerRun, model: Model) -> Version | None:
    """The last version, when it was made from exactly these ingredients, judged to the end, and is still whole."""
    for version in run.home.registry.versions(run.name, model.name)[-1:]:
        alike = all(getattr(version, name) == value for name, value in _ingredients(run, model).items())
        alike = (
            alike and version.facts.get("recipe") == recipe_hash(run, model) and is_pool_unchanged(run, model, version)
        )
        alike = alike and _decided(run, version) and find_damage(run, version) is None
        return version if alike and sync_contribution(run, model, version) else None
    return None


def _decided(run: CustomerRun, version: Version) -> bool:
    events = run.home.registry.events(version.customer, version.model)
    return any(event.version == version.number and event.kind in ("promoted", "kept") for event in events)


def _metrics(model: Model, trial: Candidate) -> Metrics:
    found = trial.challenger
    return Metrics(
        model.metric,
        found.value,
        model.baseline_name,
        trial.baseline.value,
        trial.fit.test.as_of,
        found.users,
        found.low,
        found.high,
        None if trial.champion is None else trial.champion.value,
    )


def _keep(run: CustomerRun, model: Model, version: Version, trial: Candidate) -> None:
    """The picture and the card of the test date, beside the customer's tables."""
    fit = trial.fit
    plot = curves.draw_curves(model.task, f"{run.name} / {model.title}", fit.test.outcome, trial.prediction)
    found = card.build_test_record(
        model,
        fit.train,
        fit.test,
        fit.artefact.facts,
        trial.prediction,
        trial.baseline_prediction,
        trial.rival_prediction,
        fit.evidence,
    )
    store_card(run, version, found, plot)


def _publish(run: CustomerRun, version: Version, decision: PromotionDecision) -> None:
    """Promote or keep a new version. One that was judged before stays as it is: it may have been rolled back since."""
    if _decided(run, version):
        return
    settle = run.home.registry.promote if decision.promoted else run.home.registry.keep
    settle(version.customer, version.model, version.number, decision.reason)


def _outcome(run: CustomerRun, asset: str, version: Version, status: Status, reason: str) -> Outcome:
    plot = load_picture(run.home, version)
    champion = run.home.registry.champion(version.customer, version.model)
    found = version.metrics
    facts = {
        "version": version.number,
        "champion": champion.number if champion else None,
        found.name: found.value,
        "95 % interval": None if found.low is None else f"{found.low:.4g} to {found.high:.4g}",
        f"baseline: {found.baseline_name}": found.baseline_value,
        "tested on": found.tested_as_of.isoformat(),
        "users": found.rows,
        "columns": list(version.columns),
        "warnings": list(version.facts.get("warnings", ())),
        "cpu_seconds": version.cpu_seconds,
        "rung": version.facts.get("rung"),
        "digest": version.digest[:12],
        **card_metadata(run, version),
    }
    return Outcome(asset, status, reason, facts, {"on the test date": plot} if plot else {})
