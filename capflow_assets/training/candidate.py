"""A trial: one fitted model, judged on its test date beside its baseline and the champion on the same users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Artefact, Model, NothingToLearnError
from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.labels.labelled_vectors import UnlikeVectorsError
from capflow_assets.prediction.rungs import OWN, predict_by_rung
from capflow_assets.run.code_version import training_code
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training import dates as past
from capflow_assets.training.evaluation.metrics import Evaluation, metric
from capflow_assets.training.evaluation.promotion import PromotionDecision, decide_promotion
from capflow_assets.training.leakage.check import check_leakage
from capflow_assets.training.search.folds import select_columns
from capflow_assets.training.search.selection import select_features
from capflow_assets.training.search.tuning import tune
from capflow_assets.training.settings import requested_parameters, tuning_starts
from capflow_resources.registry import RegistryError, Version

if TYPE_CHECKING:
    import pandas as pd

SEED = 7


class OtherCodeError(Exception):
    """A version that other code made and that today's code cannot ask any more."""


@dataclass(frozen=True)
class Fit:
    """A fitted model with what it was fitted on and how its columns and parameters were found."""

    artefact: Artefact
    parameters: dict[str, Any]
    train: Sequence[LabelledSnapshot]
    test: LabelledSnapshot
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A fit, what it, its baseline and the champion said of the test date, and what follows from it."""

    fit: Fit
    prediction: pd.DataFrame
    baseline_prediction: pd.DataFrame
    rival_prediction: pd.DataFrame | None
    challenger: Evaluation
    baseline: Evaluation
    champion: Evaluation | None
    decision: PromotionDecision


def train_own(run: CustomerRun, model: Model) -> Candidate:
    """The customer's own model, learned from its own past. NotAvailable says what the past lacks."""
    chosen = past.choose_dates(run, model)
    train, test = past.load_training_snapshots(run, model, chosen)
    past.require_both_classes(run, model, [test])
    return evaluate_candidate(run, model, fit_candidate(run, model, train, test))


def fit_candidate(run: CustomerRun, model: Model, train: Sequence[LabelledSnapshot], test: LabelledSnapshot) -> Fit:
    """The model with the columns and the parameters that the past speaks for."""
    warned = check_leakage(run, model, train, test)
    selection = (
        select_features(model, train, requested_parameters(run, model), SEED) if model.chooses_features else None
    )
    shown = [select_columns(snapshot, selection.columns) for snapshot in train] if selection else train
    tuned = tune(
        model,
        shown,
        requested_parameters(run, model),
        tuning_starts(run, model),
        run.customer.training.tuning_seconds,
        SEED,
    )
    try:
        artefact = model.fit(shown, tuned.parameters, SEED)
    except NothingToLearnError as reason:
        raise NotAvailable(f"{model.name}: {' '.join(str(reason).split())}") from reason
    told: dict[str, Any] = {"rung": OWN, "train_dates": [snapshot.as_of.isoformat() for snapshot in train]}
    told |= {"chosen_columns": list(selection.columns)} if selection else {}
    told |= {"warnings": warned} if warned else {}
    told |= {"ignored_features": ignored} if model.features and (ignored := run.customer.ignored_features) else {}
    evidence = {"selection": selection.facts() if selection else None, "tuning": tuned.facts}
    return Fit(replace(artefact, facts={**artefact.facts, **told}), tuned.parameters, train, test, evidence)


def evaluate_candidate(run: CustomerRun, model: Model, fit: Fit) -> Candidate:
    """The fit on its test date, beside its baseline and the champion. NotAvailable when there is nobody to test on."""
    outcome = fit.test.outcome
    if outcome.empty:
        raise NotAvailable(
            f"{model.name}: nobody to test on in the {model.horizon_days} days after {fit.test.as_of:%Y-%m-%d}"
        )
    judge = metric(model.metric)
    prediction = predict_by_rung(model, fit.artefact, fit.test)
    baseline_prediction = model.baseline(fit.train, fit.test)
    challenger, baseline = judge.evaluate(outcome, prediction), judge.evaluate(outcome, baseline_prediction)
    rival, lost = _rival(run, model, fit.test)
    champion = None if rival is None else judge.evaluate(outcome, rival)
    paired = None if rival is None else judge.paired(outcome, prediction, rival)
    decision = decide_promotion(challenger, baseline, champion, model.promotion, paired)
    if lost:
        decision = replace(decision, reason=f"{decision.reason}. Not compared with the champion: {lost}")
    return Candidate(fit, prediction, baseline_prediction, rival, challenger, baseline, champion, decision)


def load_artefact(run: CustomerRun, version: Version) -> Artefact:
    """A registered version as the model reads it, each file proven by its checksum."""
    return Artefact(run.home.registry.load(version), version.columns, version.facts)


def predict_with(run: CustomerRun, model: Model, version: Version, snapshot: Snapshot) -> pd.DataFrame:
    """What a registered version says of a snapshot. OtherCodeError where today's code cannot ask it any more."""
    artefact = load_artefact(run, version)
    try:
        return predict_by_rung(model, artefact, snapshot)
    except Exception as error:
        if isinstance(error, UnlikeVectorsError) or version.code_version == training_code(model):
            raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise OtherCodeError(
            f"v{version.number} was made by other code, and by today's it answers no more ({told})"
        ) from error


def find_damage(run: CustomerRun, version: Version) -> str | None:
    """Why a version's files cannot be used any more, None when they are what was registered."""
    try:
        run.home.registry.load(version)
    except RegistryError as error:
        return str(error)
    return None


def _rival(run: CustomerRun, model: Model, test: Snapshot) -> tuple[pd.DataFrame | None, str]:
    """What the champion says of the test, and why there is none when it cannot any more: damaged, features gone."""
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None:
        return None, ""
    gone = sorted(set(champion.columns) - set(test.features.columns))
    if gone:
        return None, f"it was fitted on {', '.join(gone[:3])}, no feature any more"
    if broken := find_damage(run, champion):
        return None, broken
    try:
        return predict_with(run, model, champion, test), ""
    except (UnlikeVectorsError, OtherCodeError) as error:
        return None, str(error)
