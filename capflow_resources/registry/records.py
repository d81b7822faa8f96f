"""The registry's records: a version of a model, its metrics, an event of its history, and a line of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

Decision = Literal["registered", "promoted", "kept", "rolled_back"]
Status = Literal["done", "reused", "blocked", "failed", "not_available", "waiting"]
STATUSES: tuple[Status, ...] = ("done", "reused", "blocked", "failed", "not_available", "waiting")


class RegistryError(Exception):
    """The registry cannot do this; the message says what, where, and what to do."""


@dataclass(frozen=True)
class Metrics:
    """The metric of a version on its test snapshot, beside a simple baseline and the champion on the same rows.

    `low` and `high` are the 95 % interval of `value`; `champion_value` is None without a champion to compare with.
    `tested_as_of` is the as_of (UTC) of the test predictions; `rows` is how many were evaluated.
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
        """Return the metrics as JSON values."""
        return asdict(self) | {"tested_as_of": utc(self.tested_as_of).isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Metrics:
        """Return the metrics from what to_json gave; keys that this release does not know are ignored."""
        values = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        return cls(**values | {"tested_as_of": datetime.fromisoformat(values["tested_as_of"])})


@dataclass(frozen=True)
class Version:
    """One trained model of one customer: its inputs, where its artefact files are, and its metrics.

    `files` holds the sha256 of each artefact file, `uri` their folder. `created` is True only on the version that
    `register` has just made. All times are UTC without a time zone.
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
    """One event of a model's history: a version was registered, promoted, kept out or rolled back to, and why."""

    id: int
    customer: str
    model: str
    version: int
    kind: Decision
    reason: str
    at: datetime


@dataclass(frozen=True)
class LedgerEntry:
    """How the last attempt at one asset of one customer ended; `at` is set when it is recorded."""

    customer: str
    asset: str
    status: Status
    reason: str = ""
    run_id: str | None = None
    as_of: datetime | None = None
    at: datetime | None = None


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC without a time zone; one that has no zone is taken to be in UTC already."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def now() -> datetime:
    """Return the current time in UTC, without a time zone."""
    return utc(datetime.now(UTC))
