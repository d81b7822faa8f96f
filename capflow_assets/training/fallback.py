"""Fallback for small customers: their own model, else a model of the vertical's pool if both sides opt in, else a rule.

Which rung a version stands on is kept with it and shown wherever the version is shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

from capflow_assets.contract.model import Artefact, Model, Poolable
from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.features.load import load_labelled_snapshot
from capflow_assets.prediction.version_facts import OWN, POOL, RULES, VersionFacts
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.training.candidate import SEED, Candidate, Fit, evaluate_candidate, train_own
from capflow_assets.training.dates import latest_test_date, require_current
from capflow_assets.training.evaluation.promotion import PromotionDecision
from capflow_assets.training.settings import default_parameters
from capflow_assets.validation.needs.availability import gather_facts
from capflow_resources.home import UnknownCustomerError
from capflow_resources.registry import Version
from partitions.customer_file import CustomerFileError
from partitions.verticals_file import normalise_vertical

MIN_CONTRIBUTORS = 2  # a model of one other customer would be that customer's model


def train_with_fallback(run: CustomerRun, model: Model) -> Candidate:
    """Train the customer's own model, else a pooled one, else apply the model's rule.

    Raises NotAvailable, with the reason why there is no own model, if none of them is possible.
    """
    try:
        return train_own(run, model)
    except NotAvailable as reason:
        contributions = _load_contributions(run, model)
        for rung in (_train_pooled, _apply_rule):
            candidate = rung(run, model, contributions, str(reason))
            if candidate is not None:
                return candidate
        raise


def is_pool_unchanged(run: CustomerRun, model: Model, version: Version) -> bool:
    """Return whether the pool holds what it held when the version was made; always true of an own model."""
    facts = VersionFacts.from_json(version.facts)
    return facts.rung == OWN or facts.pool == _pool_hash(_load_contributions(run, model))


def share_with_pool(run: CustomerRun, model: Model, candidate: Candidate) -> None:
    """Contribute what an own model was learned from if the customer file says so, else withdraw the contribution."""
    if not _is_poolable(model) or candidate.fit.facts.rung != OWN:
        return
    pool, vertical = run.home.pool, run.customer.vertical
    if run.customer.training.gives_to_pool:
        pool.give(vertical, model.name, run.name, model.contribute(candidate.fit.train, SEED))
    else:
        pool.take_back(vertical, model.name, run.name)


def sync_contribution(run: CustomerRun, model: Model, version: Version) -> bool:
    """Withdraw a contribution that the customer file no longer allows; return False if one is missing.

    A missing contribution takes a new training. Models that are not poolable, and versions that are not an own model,
    contribute nothing.
    """
    if not _is_poolable(model) or VersionFacts.from_json(version.facts).rung != OWN:
        return True
    pool, vertical, gives = run.home.pool, run.customer.vertical, run.customer.training.gives_to_pool
    holds = pool.has_contribution(vertical, model.name, run.name)
    if holds and not gives:
        pool.take_back(vertical, model.name, run.name)
    return holds or not gives


def _is_poolable(model: Model) -> TypeGuard[Poolable]:
    return isinstance(model, Poolable) and model.poolable


def _load_contributions(run: CustomerRun, model: Model) -> dict[str, bytes]:
    """Return pool contributions from customers that still opt in; {} if this customer has not."""
    if not _is_poolable(model) or not run.customer.training.takes_from_pool:
        return {}
    contributions = run.home.pool.contributions(run.customer.vertical, model.name, run.name)
    return {name: content for name, content in contributions.items() if _is_contributor(run, name)}


def _is_contributor(run: CustomerRun, name: str) -> bool:
    """Return whether another customer exists, gives to the pool, and is of the same vertical."""
    try:
        other = run.home.customer(name)
    except (UnknownCustomerError, CustomerFileError):
        return False
    is_same_vertical = normalise_vertical(other.vertical) == normalise_vertical(run.customer.vertical)
    return other.training.gives_to_pool and is_same_vertical


def _pool_hash(contributions: Mapping[str, bytes]) -> str:
    # "given" is part of the hashed text: with another word every pooled version would be trained again.
    return fingerprint(given={name: hashlib.sha256(content).hexdigest() for name, content in contributions.items()})


def _train_pooled(
    run: CustomerRun, model: Model, contributions: Mapping[str, bytes], why_no_own: str
) -> Candidate | None:
    """Fit a model on other customers' contributions and evaluate it on this customer's own past."""
    if not _is_poolable(model) or len(contributions) < MIN_CONTRIBUTORS:
        return None
    parameters = default_parameters(run, model)
    fit = _prepare_fit(run, model, Artefact({}), parameters)
    if fit is None:
        return None
    artefact = model.fit_pooled(contributions, fit.test, parameters, SEED)
    facts = _fallback_facts(POOL, contributions, why_no_own)
    facts = replace(facts, contributors=tuple(sorted(contributions)), model=artefact.facts)
    return _evaluate(run, model, replace(fit, artefact=replace(artefact, facts=facts.to_json())))


def _apply_rule(
    run: CustomerRun, model: Model, contributions: Mapping[str, bytes], why_no_own: str
) -> Candidate | None:
    """Evaluate the model's rule, which serves until there is data; it never replaces a champion that was learned."""
    artefact = Artefact({}, facts=_fallback_facts(RULES, contributions, why_no_own).to_json())
    fit = _prepare_fit(run, model, artefact, default_parameters(run, model)) if model.has_rule else None
    candidate = _evaluate(run, model, fit) if fit else None
    if candidate is None:
        return None
    champion = run.home.registry.champion(run.name, model.name)
    reason = f"a rule, until there is data to learn from ({why_no_own})"
    is_learned = champion is not None and VersionFacts.from_json(champion.facts).rung != RULES
    if champion is not None and is_learned:
        reason = f"{reason}; v{champion.number}, which was learned, stays champion"
    return replace(candidate, decision=PromotionDecision(not is_learned, reason))


def _prepare_fit(run: CustomerRun, model: Model, artefact: Artefact, parameters: dict[str, object]) -> Fit | None:
    """Return a fit with the test snapshot of a customer too small to learn from; None if it has not even that."""
    if not set(model.tables) <= set(run.tables()) or not gather_facts(run).has_times or model.learns_from == "labels":
        return None
    require_current(run, model)
    date = latest_test_date(run, model)
    return None if date is None else Fit(artefact, parameters, [], load_labelled_snapshot(run, model, date))


def _evaluate(run: CustomerRun, model: Model, fit: Fit) -> Candidate | None:
    """Return the evaluated candidate; None if the test date has nobody, or one class only."""
    outcome = fit.test.outcome
    if outcome.empty or (model.task == "binary" and outcome["label"].nunique() < 2):
        return None
    return evaluate_candidate(run, model, fit)


def _fallback_facts(rung: str, contributions: Mapping[str, bytes], why_no_own: str) -> VersionFacts:
    """Return the facts of a version that was not learned from the customer's own past."""
    return VersionFacts(rung=rung, pool=_pool_hash(contributions), why_no_own_model=why_no_own)
