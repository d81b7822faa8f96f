"""The ladder of small customers: an own model; a model of the vertical's pool, where both sides opted in; a plain rule.

The rung is kept with the version and shown wherever the version is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

from capflow_assets.contract.model import Artefact, Model, Poolable
from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.features.load import load_labelled_snapshot
from capflow_assets.prediction.rungs import OWN, POOL, RULES
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.training import dates as past
from capflow_assets.training.candidate import SEED, Candidate, Fit, evaluate_candidate, train_own
from capflow_assets.training.evaluation.promotion import PromotionDecision
from capflow_assets.training.settings import requested_parameters
from capflow_assets.validation.facts import facts_of
from capflow_resources.home import UnknownCustomerError
from capflow_resources.registry import Version
from partitions.customer_file import CustomerFileError
from partitions.verticals_file import normalise_vertical

FEWEST_GIVERS = 2  # a model of one other customer would be that customer's model


def train_with_fallback(run: CustomerRun, model: Model) -> Candidate:
    """The first rung that holds. NotAvailable, with the reason why there is no own model, when none does."""
    try:
        return train_own(run, model)
    except NotAvailable as reason:
        given = _given(run, model)
        for rung in (_pooled, _ruled):
            trial = rung(run, model, given, str(reason))
            if trial is not None:
                return trial
        raise


def is_pool_unchanged(run: CustomerRun, model: Model, version: Version) -> bool:
    """Whether the pool holds for this customer what it held when the version was made; nothing to an own model."""
    return version.facts.get("rung", OWN) == OWN or version.facts.get("pool") == _mark(_given(run, model))


def share_with_pool(run: CustomerRun, model: Model, trial: Candidate) -> None:
    """Give the pool what the own model was learned from, if the customer file says so; else take back what it gave."""
    if not _poolable(model) or trial.fit.artefact.facts["rung"] != OWN:
        return
    pool, vertical = run.home.pool, run.customer.vertical
    if run.customer.training.gives_to_pool:
        pool.give(vertical, model.name, run.name, model.contribute(trial.fit.train, SEED))
    else:
        pool.take_back(vertical, model.name, run.name)


def sync_contribution(run: CustomerRun, model: Model, version: Version) -> bool:
    """False where the file gives and the pool has nothing yet. What the file gives no longer is taken back."""
    if not _poolable(model) or version.facts.get("rung", OWN) != OWN:
        return True
    pool, vertical, gives = run.home.pool, run.customer.vertical, run.customer.training.gives_to_pool
    held = pool.has_contribution(vertical, model.name, run.name)
    if held and not gives:
        pool.take_back(vertical, model.name, run.name)
    return held or not gives


def _poolable(model: Model) -> TypeGuard[Poolable]:
    return isinstance(model, Poolable) and model.poolable


def _given(run: CustomerRun, model: Model) -> dict[str, bytes]:
    """What others gave and, as their customer files are now, still give to this vertical; {} for who does not take."""
    if not _poolable(model) or not run.customer.training.takes_from_pool:
        return {}
    given = run.home.pool.contributions(run.customer.vertical, model.name, run.name)
    return {name: content for name, content in given.items() if _gives(run, name)}


def _gives(run: CustomerRun, name: str) -> bool:
    try:
        other = run.home.customer(name)
    except (UnknownCustomerError, CustomerFileError):
        return False
    return other.training.gives_to_pool and normalise_vertical(other.vertical) == normalise_vertical(
        run.customer.vertical
    )


def _mark(given: Mapping[str, bytes]) -> str:
    return fingerprint(given={name: hashlib.sha256(content).hexdigest() for name, content in given.items()})


def _pooled(run: CustomerRun, model: Model, given: Mapping[str, bytes], why: str) -> Candidate | None:
    """A model of what others of the vertical gave, judged on the customer's own past."""
    if not _poolable(model) or len(given) < FEWEST_GIVERS:
        return None
    parameters = requested_parameters(run, model)
    fit = _fit(run, model, Artefact({}), parameters)
    if fit is None:
        return None
    artefact = model.fit_pooled(given, fit.test, parameters, SEED)
    told = {**_told(POOL, given, why), "contributors": sorted(given)}
    fit = replace(fit, artefact=replace(artefact, facts={**artefact.facts, **told}))
    return _judged(run, model, fit)


def _ruled(run: CustomerRun, model: Model, given: Mapping[str, bytes], why: str) -> Candidate | None:
    """The model's rule, until there is data to learn from; it never takes the place of something learned."""
    artefact = Artefact({}, facts=_told(RULES, given, why))
    fit = _fit(run, model, artefact, requested_parameters(run, model)) if model.has_rule else None
    trial = _judged(run, model, fit) if fit else None
    if trial is None:
        return None
    champion = run.home.registry.champion(run.name, model.name)
    told = f"a rule, until there is data to learn from ({why})"
    if champion is not None and champion.facts.get("rung") != RULES:
        return replace(
            trial, decision=PromotionDecision(False, f"{told}; v{champion.number}, which was learned, stays champion")
        )
    return replace(trial, decision=PromotionDecision(True, told))


def _fit(run: CustomerRun, model: Model, artefact: Artefact, parameters: dict[str, object]) -> Fit | None:
    """The test date of a customer that is too small to learn from, None where it has not even that."""
    if not set(model.tables) <= set(run.tables()) or not facts_of(run).has_times or model.learns_from == "labels":
        return None
    past.require_current(run, model)
    date = past.latest_test_date(run, model)
    return None if date is None else Fit(artefact, parameters, [], load_labelled_snapshot(run, model, date))


def _judged(run: CustomerRun, model: Model, fit: Fit) -> Candidate | None:
    """None where the few users of the test date cannot tell good from bad."""
    outcome = fit.test.outcome
    if outcome.empty or (model.task == "binary" and outcome["label"].nunique() < 2):
        return None
    return evaluate_candidate(run, model, fit)


def _told(rung: str, given: Mapping[str, bytes], why: str) -> dict[str, Any]:
    """What is kept with a version that was not learned from the customer's own past."""
    return {"rung": rung, "pool": _mark(given), "why_no_own_model": why, "train_dates": []}
