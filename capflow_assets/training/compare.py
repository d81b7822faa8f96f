"""Comparing a model with its baseline, its champion or another model, over customers, without registering anything."""

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
from capflow_assets.training.evaluation.metrics import metric, unit_index
from capflow_assets.training.evaluation.promotion import decide_promotion

if TYPE_CHECKING:
    import pandas as pd

BASELINE, CHAMPION = "baseline", "champion"


@dataclass(frozen=True)
class CustomerComparison:
    """One customer's comparison and the trial that it rests on, None where there was none."""

    comparison: Comparison
    trial: Candidate | None


def why_incomparable(model: Model, other: Model) -> str | None:
    """Why two models cannot be compared: they do not predict the same; None when they can."""
    for word in ("task", "unit", "horizon_days", "metric"):
        one, two = getattr(model, word), getattr(other, word)
        if one != two:
            return f"{model.name} and {other.name} do not predict the same: {word} {one} and {two}"
    return None


def select_wave(customers: Sequence[str], number: int, of: int) -> list[str]:
    """Part `number` (from 1) of the customers, dealt by a hash of their names: always the same, no alphabet's whim."""
    dealt = sorted(customers, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return sorted(dealt[number - 1 :: of])


def compare(run: CustomerRun, model: Model, against: str | Model) -> CustomerComparison:
    """Train the model for one customer and hold it against its rival on the test date; nothing is registered."""
    vertical, began = "", process_time()
    try:
        vertical = run.customer.vertical
        admit(run, plan()[f"model/{model.name}"])
        trial = train_own(run, model)
        rival = _rival(run, trial, against)
        outcome = _told_by_both(trial, rival, model)
    except (NotAvailable, Blocked) as reason:
        spent = process_time() - began
        return CustomerComparison(
            Comparison(run.name, vertical, "not compared", cpu_seconds=spent, reason=str(reason)), None
        )
    judged = metric(model.metric)
    paired = judged.paired(outcome, trial.prediction, rival)
    values = judged.value(outcome, trial.prediction), judged.value(outcome, rival)
    found = compare_values(run.name, vertical, judged, paired, *values, process_time() - began)
    return CustomerComparison(found, trial)


def promote(run: CustomerRun, model: Model, one: CustomerComparison, reason: str) -> bool:
    """Register a compared model and make it champion, unless it surely lost or does not beat its baseline."""
    if one.trial is None or one.comparison.verdict == "loss":
        return False
    if not decide_promotion(one.trial.challenger, one.trial.baseline, None, model.promotion, None).promoted:
        return False
    register_as_champion(run, model, one.trial, reason, one.comparison.cpu_seconds)
    return True


def _rival(run: CustomerRun, trial: Candidate, against: str | Model) -> pd.DataFrame:
    if isinstance(against, Model):
        admit(run, plan()[f"model/{against.name}"])
        return train_own(run, against).prediction
    if against == BASELINE:
        return trial.baseline_prediction
    if trial.rival_prediction is None:
        raise NotAvailable("there is no champion to compare with")
    return trial.rival_prediction


def _told_by_both(trial: Candidate, rival: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The outcome of the units that both predicted."""
    outcome, units = trial.fit.test.outcome, list(model.unit)
    both = outcome[unit_index(outcome, units).isin(unit_index(rival, units))].reset_index(drop=True)
    if both.empty:
        raise NotAvailable("no unit was predicted by both")
    return both
