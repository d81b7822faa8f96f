"""The former place of the contract: models of other packages that were written for it still import from here."""

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot

__all__ = ["Artefact", "LabelledSnapshot", "Model", "Needs", "NothingToLearnError", "Promotion", "Snapshot", "Task"]
