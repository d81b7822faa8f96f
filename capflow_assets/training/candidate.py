"""Candidates: a fitted model with its evaluation on the test date, next to its baseline and the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Artefact, Model, NothingToLearnError
from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.labels.labelled_vectors import UnlikeVectorsError
from capflow_assets.prediction.predict_with import OtherCodeError, find_damage, predict_by_rung, predict_with
from capflow_assets.prediction.version_facts import OWN, VersionFacts
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.dates import choose_dates, load_training_snapshots, require_both_classes
from capflow_assets.training.evaluation.metrics import Evaluation, metric
from capflow_assets.training.evaluation.promotion import PromotionDecision, decide_promotion
from capflow_assets.training.leakage.check import check_leakage
from capflow_assets.training.search.folds import select_columns
from capflow_assets.training.search.selection import select_features
from capflow_assets.training.search.tuning import tune
from capflow_assets.training.settings import default_parameters, tuning_starts

if TYPE_CHECKING:
    import pandas as pd

SEED = 7


@dataclass(frozen=True)
class Fit:
    """A fitted model, the snapshots it was trained and is to be tested on, and how it was tuned.

    The artefact's facts are those of the version to be (VersionFacts); `evidence` says how its columns ("selection")
    and parameters ("tuning") were found.
    """

    artefact: Artefact
    parameters: dict[str, Any]
    train: Sequence[LabelledSnapshot]
    test: LabelledSnapshot
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> VersionFacts:
        """How the model was learned, with the model's own facts."""
        return VersionFacts.from_json(self.artefact.facts)


@dataclass(frozen=True)
class Candidate:
    """A fit with its predictions for the test date, those of baseline and champion, and the promotion decision."""

    fit: Fit
    prediction: pd.DataFrame
    baseline_prediction: pd.DataFrame
    champion_prediction: pd.DataFrame | None
    challenger: Evaluation
    baseline: Evaluation
    champion: Evaluation | None
    decision: PromotionDecision


def train_own(run: CustomerRun, model: Model) -> Candidate:
    """Train and evaluate a model on the customer's own past. Raises NotAvailable with what the past lacks."""
    train, test = load_training_snapshots(run, model, choose_dates(run, model))
    require_both_classes(run, model, [test])
    return evaluate_candidate(run, model, fit_candidate(run, model, train, test))


def fit_candidate(run: CustomerRun, model: Model, train: Sequence[LabelledSnapshot], test: LabelledSnapshot) -> Fit:
    """Check for leakage, select features, tune parameters and fit the model.

    Raises Blocked if a feature leaks, NotAvailable if the model finds nothing to learn.
    """
    warnings = check_leakage(run, model, train, test)
    requested = default_parameters(run, model)
    selection = select_features(model, train, requested, SEED) if model.chooses_features else None
    visible = [select_columns(snapshot, selection.columns) for snapshot in train] if selection else train
    seconds = run.customer.training.tuning_seconds
    tuning = tune(model, visible, requested, tuning_starts(run, model), seconds, SEED)
    try:
        artefact = model.fit(visible, tuning.parameters, SEED)
    except NothingToLearnError as reason:
        raise NotAvailable(f"{model.name}: {' '.join(str(reason).split())}") from reason
    facts = VersionFacts(
        rung=OWN,
        train_dates=tuple(snapshot.as_of for snapshot in train),
        chosen_columns=tuple(selection.columns) if selection else None,
        warnings=tuple(warnings),
        ignored_features=tuple(run.customer.ignored_features) if model.features else (),
        model=artefact.facts,
    )
    evidence = {"selection": selection.facts() if selection else None, "tuning": tuning.facts}
    return Fit(replace(artefact, facts=facts.to_json()), tuning.parameters, train, test, evidence)


def evaluate_candidate(run: CustomerRun, model: Model, fit: Fit) -> Candidate:
    """Evaluate a fit, its baseline and the champion on the same test units, and decide on promotion.

    Raises NotAvailable if there is nobody to test on.
    """
    outcome = fit.test.outcome
    if outcome.empty:
        raise NotAvailable(
            f"{model.name}: nobody to test on in the {model.horizon_days} days after {fit.test.as_of:%Y-%m-%d}"
        )
    measure = metric(model.metric)
    prediction = predict_by_rung(model, fit.artefact, fit.test)
    baseline_prediction = model.baseline(fit.train, fit.test)
    challenger, baseline = measure.evaluate(outcome, prediction), measure.evaluate(outcome, baseline_prediction)
    champion_prediction, obstacle = _predict_with_champion(run, model, fit.test)
    champion = paired = None
    if champion_prediction is not None:
        champion = measure.evaluate(outcome, champion_prediction)
        paired = measure.compare_paired(outcome, prediction, champion_prediction)
    decision = decide_promotion(challenger, baseline, champion, model.promotion, paired)
    if obstacle:
        decision = replace(decision, reason=f"{decision.reason}. Not compared with the champion: {obstacle}")
    return Candidate(
        fit, prediction, baseline_prediction, champion_prediction, challenger, baseline, champion, decision
    )


def _predict_with_champion(run: CustomerRun, model: Model, test: Snapshot) -> tuple[pd.DataFrame | None, str]:
    """Return the champion's predictions, or None and why it can no longer predict: damaged, features gone."""
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None:
        return None, ""
    missing = sorted(set(champion.columns) - set(test.features.columns))
    if missing:
        return None, f"it was fitted on {', '.join(missing[:3])}, no feature any more"
    if damage := find_damage(run, champion):
        return None, damage
    try:
        return predict_with(run, model, champion, test), ""
    except (UnlikeVectorsError, OtherCodeError) as error:
        return None, str(error)
