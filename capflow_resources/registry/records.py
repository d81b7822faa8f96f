"""What the registry hands back: a version of a model, how well it did, what was decided, and how a run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

Decision = Literal["registered", "promoted", "kept", "rolled_back"]
Status = Literal["done", "reused", "blocked", "failed", "not_available", "waiting"]
STATUSES: tuple[Status, ...] = ("done", "reused", "blocked", "failed", "not_available", "waiting")


class RegistryError(Exception):
    """The registry cannot do what was asked; the message says what, where, and what to do."""


@dataclass(frozen=True)
class Metrics:
    """How well a version did on its test period, beside a simple baseline and the champion on the same rows.

    `low` and `high` bound `value` at 95 %; `champion_value` is None when there was no champion to compare with.
    `tested_as_of` is the date (UTC) that the test's predictions were made for; `rows` is how many were judged.
    """

    name: str
    value: float
    baseline_name: str
    baseline_value: float | None
    tested_as_of: datetime
    rows: int
    low: float | None = None
    high: float | None = None
    champion_value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self) | {"tested_as_of": utc(self.tested_as_of).isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Metrics:
        """Metrics from what to_json gave; keys that this release does not know are left out."""
        known = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        return cls(**known | {"tested_as_of": datetime.fromisoformat(known["tested_as_of"])})


@dataclass(frozen=True)
class Version:
    """One trained model of one customer: what it was made of, where its bytes are, and how well it did.

    `files` holds the sha256 of each artefact file; `uri` is where they lie. `created` is True only on the version
    that `register` has just made. All times are UTC without a time zone.
    """

    customer: str
    model: str
    number: int
    digest: str
    uri: str
    files: Mapping[str, str]
    columns: tuple[str, ...]
    parameters: Mapping[str, Any]
    facts: Mapping[str, Any]
    metrics: Metrics
    seed: int
    code_version: str
    data_versions: Mapping[str, Any]
    trained_as_of: datetime
    cpu_seconds: float
    created_at: datetime
    created: bool = False


@dataclass(frozen=True)
class Event:
    """One line of a model's history: which version was registered, promoted, kept out or gone back to, and why."""

    id: int
    customer: str
    model: str
    version: int
    kind: Decision
    reason: str
    at: datetime


@dataclass(frozen=True)
class LedgerEntry:
    """How the last attempt at one asset of one customer ended. `at` is filled in when it is recorded."""

    customer: str
    asset: str
    status: Status
    reason: str = ""
    run_id: str | None = None
    as_of: datetime | None = None
    at: datetime | None = None


def utc(moment: datetime) -> datetime:
    """`moment` in UTC without a time zone; one that has no zone is taken to be in UTC already."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def now() -> datetime:
    """This moment in UTC, without a time zone."""
    return utc(datetime.now(UTC))
