"""Rebuilding a registered version from its record: the same data, columns, parameters and seed give the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from capflow_assets.contract.model import Artefact, Model
from capflow_assets.prediction.version_facts import OWN, RULES, VersionFacts
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import training_code
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.dates import load_recorded_snapshots
from capflow_resources.registry import RegistryError, Version


@dataclass(frozen=True)
class RebuildResult:
    """A rebuilt version: the names of what came out differently, and whether the code has changed since."""

    version: Version
    different: tuple[str, ...]
    code_changed: bool

    @property
    def same(self) -> bool:
        """Whether every byte is what was registered."""
        return not self.different


def rebuild(run: CustomerRun, version: Version) -> RebuildResult:
    """Fit a version again on the data that its record names and compare the result with the record.

    Raises LakeError if that data is no longer there, RegistryError if the version was learned from a pool.
    """
    model = models()[version.model]
    for asset, number in version.data_versions.items():
        run.pin(asset, number)
    artefact = _refit(run, model, version)
    return RebuildResult(version, _find_differences(artefact, version), version.code_version != training_code(model))


def _refit(run: CustomerRun, model: Model, version: Version) -> Artefact:
    facts = VersionFacts.from_json(version.facts)
    if facts.rung == RULES:
        return Artefact({})
    if facts.rung != OWN:
        raise RegistryError(
            f"{model.name} v{version.number} of {run.name!r} was learned from the {facts.rung}, "
            "and what others contributed then is not kept"
        )
    if not facts.train_dates:
        raise RegistryError(f"{model.name} v{version.number} of {run.name!r} does not record what it was trained on")
    train = load_recorded_snapshots(run, model, facts.train_dates, facts.chosen_columns)
    return model.fit(train, version.parameters, version.seed)


def _find_differences(artefact: Artefact, version: Version) -> tuple[str, ...]:
    """Return the names of files whose bytes, and facts whose values, differ from the record."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in artefact.files.items()}
    files = {name for name in {*hashes, *version.files} if hashes.get(name) != version.files.get(name)}
    facts = {name for name, value in artefact.facts.items() if version.facts.get(name) != value}
    columns = {"columns"} if artefact.columns != version.columns else set()
    return tuple(sorted(files | facts | columns))
