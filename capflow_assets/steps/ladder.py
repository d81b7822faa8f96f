"""The ladder of small customers: an own model; a model of the vertical's pool, where both sides opted in; a plain rule.

The rung is kept with the version and shown wherever the version is.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from capflow_assets.methods.pooled import Contribution
from capflow_assets.models.base import Artefact, Model
from capflow_assets.models.rules import OWN, POOL, RULES
from capflow_assets.models.tabular import TabularModel
from capflow_assets.steps import past
from capflow_assets.steps.facts import facts_of
from capflow_assets.steps.outcome import NotAvailable
from capflow_assets.steps.run import CustomerRun, fingerprint
from capflow_assets.steps.settings import asked
from capflow_assets.steps.trial import SEED, Fit, Trial, judged, own
from capflow_assets.steps.worlds import lived
from capflow_assets.training.promotion import Decision
from capflow_resources.home import UnknownCustomerError
from capflow_resources.registry import Version
from partitions.customer_file import CustomerFileError
from partitions.verticals_file import named

FEWEST_GIVERS = 2  # a model of one other customer would be that customer's model


def climbed(run: CustomerRun, model: Model) -> Trial:
    """The first rung that holds. NotAvailable, with the reason why there is no own model, when none does."""
    try:
        return own(run, model)
    except NotAvailable as reason:
        for rung in (_pooled, _ruled):
            trial = rung(run, model, str(reason))
            if trial is not None:
                return trial
        raise


def pool_mark(run: CustomerRun, model: Model, rung: str) -> str:
    """A hash of what the pool holds for this customer's model; "" where it changes nothing: for who learned alone."""
    given = {} if rung == OWN else _given(run, model)
    marks = {name: hashlib.sha256(content).hexdigest() for name, content in given.items()}
    return fingerprint(given=marks) if marks else ""


def share(run: CustomerRun, model: Model, trial: Trial) -> None:
    """Give the pool what the own model was learned from, if the customer file says so; else take back what it gave."""
    if not isinstance(model, TabularModel) or not model.poolable or trial.fit.artefact.facts["rung"] != OWN:
        return
    pool, vertical = run.home.pool, run.customer.vertical
    if run.customer.training.gives_to_pool:
        pool.give(vertical, model.name, run.name, model.contribution(trial.fit.train, SEED).to_bytes())
    else:
        pool.take_back(vertical, model.name, run.name)


def shared_as_asked(run: CustomerRun, model: Model, version: Version) -> bool:
    """False where the file gives and the pool has nothing yet. What the file gives no longer is taken back."""
    if not _poolable(model) or version.facts.get("rung", OWN) != OWN:
        return True
    pool, vertical, gives = run.home.pool, run.customer.vertical, run.customer.training.gives_to_pool
    held = pool.holds(vertical, model.name, run.name)
    if held and not gives:
        pool.take_back(vertical, model.name, run.name)
    return held or not gives


def _poolable(model: Model) -> bool:
    return isinstance(model, TabularModel) and model.poolable


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
    return other.training.gives_to_pool and named(other.vertical) == named(run.customer.vertical)


def _pooled(run: CustomerRun, model: Model, why: str) -> Trial | None:
    """A model of what others of the vertical gave, judged on the customer's own past."""
    given = _given(run, model)
    if not isinstance(model, TabularModel) or len(given) < FEWEST_GIVERS:
        return None
    contributions = {name: Contribution.from_bytes(content) for name, content in given.items()}
    parameters = asked(run, model)
    fit = _fit(run, model, Artefact({}), parameters)
    if fit is None:
        return None
    artefact = model.fit_pooled(contributions, fit.test, parameters, SEED)
    told = {"why_no_own_model": why, "contributors": sorted(contributions), "train_dates": []}
    fit = replace(fit, artefact=replace(artefact, facts={**artefact.facts, **told}))
    trial = _judged(run, model, fit)
    return trial and _named(trial, POOL)


def _ruled(run: CustomerRun, model: Model, why: str) -> Trial | None:
    """The model's rule, until there is data to learn from; it never takes the place of something learned."""
    facts = {"rung": RULES, "why_no_own_model": why, "train_dates": []}
    fit = _fit(run, model, Artefact({}, facts=facts), asked(run, model)) if model.has_rule else None
    trial = _judged(run, model, fit) if fit else None
    if trial is None:
        return None
    champion = run.home.registry.champion(run.name, model.name)
    told = f"a rule, until there is data to learn from ({why})"
    if champion is not None and champion.facts.get("rung") != RULES:
        return replace(
            trial, decision=Decision(False, f"{told}; v{champion.number}, which was learned, stays champion")
        )
    return replace(trial, decision=Decision(True, told))


def _fit(run: CustomerRun, model: Model, artefact: Artefact, parameters: dict[str, object]) -> Fit | None:
    """The test date of a customer that is too small to learn from, None where it has not even that."""
    if not set(model.tables) <= set(run.tables()) or not facts_of(run).has_times or model.learns_from == "labels":
        return None
    past.require_current(run, model)
    date = past.test_date(run, model)
    return None if date is None else Fit(artefact, parameters, [], lived(run, model, date))


def _judged(run: CustomerRun, model: Model, fit: Fit) -> Trial | None:
    """None where the few users of the test date cannot tell good from bad."""
    outcome = fit.test.outcome
    if outcome is None or outcome.empty or (model.task == "binary" and outcome["label"].nunique() < 2):
        return None
    return judged(run, model, fit)


def _named(trial: Trial, rung: str) -> Trial:
    artefact = trial.fit.artefact
    return replace(trial, fit=replace(trial.fit, artefact=replace(artefact, facts={**artefact.facts, "rung": rung})))
