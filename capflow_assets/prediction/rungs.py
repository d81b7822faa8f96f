"""Rules: what a model says of shoppers where there is too little data to learn from, and who answers by which rung."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.model import Artefact, Model
from capflow_assets.contract.snapshot import Snapshot

if TYPE_CHECKING:
    import pandas as pd

OWN, POOL, RULES = "own model", "pool of the vertical", "rules"


def predict_by_rung(model: Model, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
    """The prediction by the rung of the ladder that the artefact stands on: a model, or the model's plain rule."""
    return (
        predict_by_rule(model, snapshot) if artefact.facts.get("rung") == RULES else model.predict(artefact, snapshot)
    )


def predict_by_rule(model: Model, snapshot: Snapshot) -> pd.DataFrame:
    """The model's baseline, which needs nothing to be learned where `Model.has_rule` says so."""
    told = model.baseline([], snapshot)
    why = f"a rule, for lack of data to learn from: {model.baseline_name}"
    told["reasons"] = [[why] for _ in range(len(told))]
    return told
