"""Making a registered version again from its record alone: the same data, columns, parameters, seed, the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from capflow_assets.contract.model import Artefact, Model
from capflow_assets.prediction.rungs import OWN, RULES
from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import training_code
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.dates import load_recorded_snapshots
from capflow_resources.registry import RegistryError, Version


@dataclass(frozen=True)
class RebuildResult:
    """A version made again: the files that came out otherwise, and whether the code is another one than then."""

    version: Version
    different: tuple[str, ...]
    code_changed: bool

    @property
    def same(self) -> bool:
        """Whether every byte came out as it was registered."""
        return not self.different


def rebuild(run: CustomerRun, version: Version) -> RebuildResult:
    """Fit a version once more on the data that its record names. LakeError when that data is not there any more."""
    model = models()[version.model]
    for asset, number in version.data_versions.items():
        run.pin(asset, number)
    artefact = _fitted(run, model, version)
    return RebuildResult(version, _different(artefact, version), version.code_version != training_code(model))


def _fitted(run: CustomerRun, model: Model, version: Version) -> Artefact:
    rung = version.facts.get("rung", OWN)
    if rung == RULES:
        return Artefact({})
    if rung != OWN:
        raise RegistryError(
            f"{model.name} v{version.number} of {run.name!r} was learned from the {rung}, "
            "and what others gave then is not kept"
        )
    past = load_recorded_snapshots(run, model, version.facts["train_dates"], version.facts.get("chosen_columns"))
    return model.fit(past, version.parameters, version.seed)


def _different(artefact: Artefact, version: Version) -> tuple[str, ...]:
    """The files whose bytes, and the facts whose values, are not those of the record."""
    made = {name: hashlib.sha256(content).hexdigest() for name, content in artefact.files.items()}
    files = {name for name in {*made, *version.files} if made.get(name) != version.files.get(name)}
    facts = {name for name, value in artefact.facts.items() if version.facts.get(name) != value}
    columns = {"columns"} if artefact.columns != version.columns else set()
    return tuple(sorted(files | facts | columns))
