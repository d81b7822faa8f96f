"""A customer: one retailer, described by one YAML file and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

ENGINES = ("duckdb", "spark", "databricks")
TIERS = ("gold", "silver", "bronze")
NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,62}"


@dataclass(frozen=True)
class Source:
    """Where a customer keeps data: `kind` names the reader, `uri` the place, `options` what that reader accepts."""

    name: str
    kind: str
    uri: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Engine:
    """Where a customer's tables are computed: `kind` (ENGINES), the `url` of a cluster, and the engine's `options`."""

    kind: str = "duckdb"
    url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnMapping:
    """How one canonical column is filled: from source columns, or with the same `value` on every row.

    Several `columns` are joined by " > " (a category path). `format` is a strptime pattern for text dates, or one of
    epoch_seconds and epoch_milliseconds. `timezone` is that of these times, where it is not the customer's own.
    """

    columns: tuple[str, ...] = ()
    value: str | int | float | bool | None = None
    format: str | None = None
    timezone: str | None = None


@dataclass(frozen=True)
class ReturnRule:
    """A line is a return when the source text of `column` starts with `prefix` (as well as when quantity < 0)."""

    column: str
    prefix: str


@dataclass(frozen=True)
class Incremental:
    """How a table is read in increments: only rows whose `watermark` is recent enough.

    `watermark` is a column of the source, a time or a whole number, that grows with every new or changed row.
    Rows may arrive `lateness_days` late (times) or `lateness` late (numbers; None where the watermark is a time). A row
    replaces stored rows with the same `key` (canonical columns). After `full_every_days` the whole table is read again.
    """

    watermark: str
    lateness_days: float = 3.0
    lateness: float | None = None
    key: tuple[str, ...] = ()
    full_every_days: float | None = None


@dataclass(frozen=True)
class TableMapping:
    """How one canonical table is read from a source."""

    table: str
    source: str
    columns: Mapping[str, ColumnMapping]
    attributes: tuple[str, ...] = ()
    returns: ReturnRule | None = None
    drop_items: tuple[str, ...] = ()
    drop_duplicates: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    incremental: Incremental | None = None


@dataclass(frozen=True)
class Expected:
    """A change in the business that is real: its first day, the daily figures it concerns (empty: all), and why."""

    since: date
    why: str
    figures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoding:
    """How texts, images or audio become vectors: the `kind` of encoder, its `model` (a path or hub name), options."""

    kind: str
    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Training:
    """How a customer's models are trained.

    `tuning_seconds` are CPU-seconds per model. `settings` are the retailer's own, by model: the price of a contact.
    The pool holds what customers of a vertical learn from together; giving to it (the past, without ids) and taking
    from it are separate choices.
    """

    tuning_seconds: float = 0.0
    gives_to_pool: bool = False
    takes_from_pool: bool = False
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Customer:
    """One retailer: its partition key, its data, and what it asked for. `models` is None for all of them.

    `root` is the folder or prefix that its sources must not leave. `features` maps single feature columns to "ignore"
    or "trust". `secrets` maps values from the environment to the ${NAME} that stands for each in the file.
    """

    name: str
    vertical: str
    currency: str
    timezone: str
    sources: Mapping[str, Source]
    tables: Mapping[str, TableMapping]
    tier: str = "silver"
    engine: Engine = Engine()
    models: tuple[str, ...] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    expected: tuple[Expected, ...] = ()
    features: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, Encoding] = field(default_factory=dict)
    training: Training = Training()
    path: Path | None = None
    root: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def wants(self, model: str) -> bool:
        """Return whether this customer asked for `model`."""
        return self.models is None or model in self.models

    @property
    def ignored_features(self) -> list[str]:
        """The feature columns that no model of this customer may use."""
        return sorted(column for column, action in self.features.items() if action == "ignore")

    @property
    def trusted_features(self) -> list[str]:
        """The feature columns that may be used whatever the leakage check finds."""
        return sorted(column for column, action in self.features.items() if action == "trust")

    def hide(self, text: str) -> str:
        """Return `text` safe to show, log or store: every value from the environment replaced by its ${NAME}.

        A value is also found where it is percent-encoded (in a URL) or escaped as in JSON.
        """
        for value in sorted(self.secrets, key=len, reverse=True):
            for spelling in (value, quote(value, safe=""), json.dumps(value)[1:-1]):
                text = text.replace(spelling, self.secrets[value])
        return text
