"""Prediction with a registered model version: its artefact, loaded and verified, or the model's rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.model import Artefact, Model
from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods.labels.labelled_vectors import UnlikeVectorsError
from capflow_assets.prediction.version_facts import RULES, VersionFacts
from capflow_assets.run.code_version import training_code
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.registry import RegistryError, Version

if TYPE_CHECKING:
    import pandas as pd


class OtherCodeError(Exception):
    """The version was trained by other code, and the current code cannot predict with it."""


def predict_with(run: CustomerRun, model: Model, version: Version, snapshot: Snapshot) -> pd.DataFrame:
    """Return the predictions of a registered version for a snapshot.

    Raises OtherCodeError if the version was trained by other code and the current code fails on it; UnlikeVectorsError
    and errors of a version trained by the current code are raised as they are.
    """
    artefact = load_artefact(run, version)
    try:
        return predict_by_rung(model, artefact, snapshot)
    except Exception as error:
        if isinstance(error, UnlikeVectorsError) or version.code_version == training_code(model):
            raise
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise OtherCodeError(
            f"v{version.number} was made by other code, and today's code cannot use it ({cause})"
        ) from error


def predict_by_rung(model: Model, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
    """Return the model's predictions, or those of its rule if the artefact stands for the rule."""
    if VersionFacts.from_json(artefact.facts).rung == RULES:
        return _predict_by_rule(model, snapshot)
    return model.predict(artefact, snapshot)


def load_artefact(run: CustomerRun, version: Version) -> Artefact:
    """Load a registered version's artefact. Raises RegistryError if a file's checksum does not match."""
    return Artefact(run.home.registry.load(version), version.columns, version.facts)


def find_damage(run: CustomerRun, version: Version) -> str | None:
    """Return why the version's files can no longer be used; None if they are what was registered."""
    try:
        run.home.registry.load(version)
    except RegistryError as error:
        return str(error)
    return None


def _predict_by_rule(model: Model, snapshot: Snapshot) -> pd.DataFrame:
    """Return the model's baseline, fitted on nothing, with the reason why; for models with `has_rule` only."""
    prediction = model.baseline([], snapshot)
    reason = f"a rule, for lack of data to learn from: {model.baseline_name}"
    prediction["reasons"] = [[reason] for _ in range(len(prediction))]
    return prediction
