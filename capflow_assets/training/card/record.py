"""What a version's test date showed, as it is stored next to the version; older releases' records are read too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from capflow_assets.contract.model import Task

FORMAT = 1

Rows = list[dict[str, Any]]
"""A small table with the columns of its task (predicted_vs_actual): one mapping per row."""


@dataclass(frozen=True)
class StoredPart:
    """Part of a stored JSON document: fields by name. `other` keeps the keys that this release does not know."""

    other: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values, nested parts included."""
        known = {part.name: _to_plain(getattr(self, part.name)) for part in fields(self) if part.name != "other"}
        return {**self.other, **known}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` of this or another release wrote. Raises TypeError if a required field is missing."""
        names = {part.name for part in fields(cls)} - {"other"}
        known = {name: value for name, value in content.items() if name in names}
        return cls(**known, other={name: value for name, value in content.items() if name not in names})


@dataclass(frozen=True)
class ModelDescription(StoredPart):
    """What a model says of itself, kept with the version because the model's code may change."""

    title: str
    description: str
    family: str
    task: Task
    method: str
    owner: str
    unit: Sequence[str]
    learns_from: str
    horizon_days: int
    settings: Mapping[str, Any]
    limits: Sequence[str]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read a stored description, with tuples for its lists."""
        return super().from_json({**content, "unit": tuple(content["unit"]), "limits": tuple(content["limits"])})


@dataclass(frozen=True)
class DatedOutcome(StoredPart):
    """A training or test date (ISO 8601), its number of units and their mean outcome, None if unknown."""

    as_of: str
    units: int
    mean_outcome: float | None


@dataclass(frozen=True)
class Gain(StoredPart):
    """How much better than a rival on the same units (above 0 is better), with the 95 % interval."""

    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration(StoredPart):
    """Mean predicted and actual share, the expected calibration error, and that error of perfect probabilities."""

    predicted: float
    actual: float
    error: float
    chance: float


@dataclass(frozen=True)
class FrequentReason(StoredPart):
    """A reason with its numbers left open, the share of predictions that give it, and its most common text."""

    reason: str
    share: float
    example: str


@dataclass(frozen=True)
class Slice(StoredPart):
    """The metric of one group of units with its 95 % interval and the baseline's value.

    A group too small to evaluate has no values: `why` says so.
    """

    by: str
    group: str
    units: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    why: str = ""


@dataclass(frozen=True)
class EvaluationRecord(StoredPart):
    """What the test date shows of a fitted model.

    `columns_offered` is how many columns it could have learned from; `selection` and `tuning` say how columns and
    parameters were found; `against` holds the gain over "baseline" and "champion".
    """

    says: ModelDescription
    train: Sequence[DatedOutcome]
    test: DatedOutcome
    columns_offered: int
    selection: Mapping[str, Any] | None
    tuning: Mapping[str, Any] | None
    against: Mapping[str, Gain]
    came_true: Rows
    calibration: Calibration | None
    reasons: Sequence[FrequentReason]
    slices: Sequence[Slice]
    format: int = FORMAT

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read a stored record, nested parts included."""
        calibration = content.get("calibration")
        parts = {
            "says": ModelDescription.from_json(content["says"]),
            "train": tuple(map(DatedOutcome.from_json, content["train"])),
            "test": DatedOutcome.from_json(content["test"]),
            "against": {name: Gain.from_json(gain) for name, gain in content["against"].items()},
            "calibration": None if calibration is None else Calibration.from_json(calibration),
            "reasons": tuple(map(FrequentReason.from_json, content["reasons"])),
            "slices": tuple(map(Slice.from_json, content["slices"])),
        }
        return super().from_json({**content, **parts})


def _to_plain(value: Any) -> Any:
    if isinstance(value, StoredPart):
        return value.to_json()
    if isinstance(value, Mapping):
        return {name: _to_plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(part) for part in value]
    return value
