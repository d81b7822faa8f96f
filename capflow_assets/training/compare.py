"""Comparing a model with its baseline, its champion or another model for one customer, without registering anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked, NotAvailable
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import admit
from capflow_assets.run.plan import plan
from capflow_assets.training.asset import register_as_champion
from capflow_assets.training.candidate import Candidate, train_own
from capflow_assets.training.comparison import Comparison, compare_values
from capflow_assets.training.evaluation.metrics import metric
from capflow_assets.training.evaluation.promotion import decide_promotion
from capflow_assets.training.evaluation.units import unit_index

if TYPE_CHECKING:
    import pandas as pd

BASELINE, CHAMPION = "baseline", "champion"


@dataclass(frozen=True)
class CustomerComparison:
    """One customer's comparison and the candidate behind it, None if the customer was not compared."""

    comparison: Comparison
    candidate: Candidate | None


def why_incomparable(model: Model, other: Model) -> str | None:
    """Return why two models cannot be compared (they do not predict the same thing); None if they can."""
    for attribute in ("task", "unit", "horizon_days", "metric"):
        one, two = getattr(model, attribute), getattr(other, attribute)
        if one != two:
            return f"{model.name} and {other.name} do not predict the same: {attribute} {one} and {two}"
    return None


def select_wave(customers: Sequence[str], number: int, of: int) -> list[str]:
    """Return part `number` (from 1) of `of` parts of the customers, sorted.

    Customers are assigned by a hash of their names, so that a part is always the same and not biased by the alphabet.
    """
    by_hash = sorted(customers, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return sorted(by_hash[number - 1 :: of])


def compare(run: CustomerRun, model: Model, against: str | Model) -> CustomerComparison:
    """Train the model for one customer and compare it with its rival on the test date; nothing is registered.

    `against` is BASELINE, CHAMPION or another model. A customer that cannot be compared is returned with the reason.
    """
    vertical, began = "", process_time()
    try:
        vertical = run.customer.vertical
        admit(run, plan()[f"model/{model.name}"])
        candidate = train_own(run, model)
        rival = _rival_prediction(run, candidate, against)
        outcome = _outcome_of_both(candidate, rival, model)
    except (NotAvailable, Blocked) as reason:
        cpu_seconds = process_time() - began
        not_compared = Comparison(run.name, vertical, "not compared", cpu_seconds=cpu_seconds, reason=str(reason))
        return CustomerComparison(not_compared, None)
    measure = metric(model.metric)
    paired = measure.compare_paired(outcome, candidate.prediction, rival)
    values = measure.value(outcome, candidate.prediction), measure.value(outcome, rival)
    comparison = compare_values(run.name, vertical, measure, paired, *values, process_time() - began)
    return CustomerComparison(comparison, candidate)


def promote(run: CustomerRun, model: Model, compared: CustomerComparison, reason: str) -> bool:
    """Register a compared model as champion, unless it lost or does not beat its baseline; return whether it was."""
    candidate = compared.candidate
    if candidate is None or compared.comparison.verdict == "loss":
        return False
    if not decide_promotion(candidate.challenger, candidate.baseline, None, model.promotion, None).promoted:
        return False
    register_as_champion(run, model, candidate, reason, compared.comparison.cpu_seconds)
    return True


def _rival_prediction(run: CustomerRun, candidate: Candidate, against: str | Model) -> pd.DataFrame:
    if isinstance(against, Model):
        admit(run, plan()[f"model/{against.name}"])
        return train_own(run, against).prediction
    if against == BASELINE:
        return candidate.baseline_prediction
    if candidate.champion_prediction is None:
        raise NotAvailable("there is no champion to compare with")
    return candidate.champion_prediction


def _outcome_of_both(candidate: Candidate, rival: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Return the outcome of the units that both predicted. Raises NotAvailable if there are none."""
    outcome, unit = candidate.fit.test.outcome, list(model.unit)
    shared = outcome[unit_index(outcome, unit).isin(unit_index(rival, unit))].reset_index(drop=True)
    if shared.empty:
        raise NotAvailable("no unit was predicted by both")
    return shared
