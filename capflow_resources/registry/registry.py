"""The model registry: versions, champions and events of each customer's models, and the ledger of its assets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_resources.objects import ObjectStore, check_key
from capflow_resources.registry import artefacts, decisions, versions
from capflow_resources.registry.database import Database
from capflow_resources.registry.dialect import insert_into
from capflow_resources.registry.records import STATUSES, Event, LedgerEntry, Metrics, Status, Version, now, utc
from capflow_resources.registry.tables import tables
from partitions.customer import NAME_PATTERN

if TYPE_CHECKING:
    from sqlalchemy import Connection

MODEL_PATTERN = r"[a-z][a-z0-9_]{0,62}"


class Registry:
    """Stores every trained version of every customer's models: bytes in `store`, the rest in the database at `url`.

    `url` is `sqlite:////folder/registry.db` or `postgresql://user:password@host/database`; the schema is made or
    upgraded on first use. Safe to use from many threads and processes at once. Raises RegistryError, and
    ObjectStoreError for the bytes. All times are UTC.
    """

    def __init__(self, url: str, store: ObjectStore) -> None:
        self.store = store
        self._database = Database(url)

    def __repr__(self) -> str:
        return f"Registry({self._database.name!r}, {self.store!r})"

    def register(
        self,
        customer: str,
        model: str,
        files: Mapping[str, bytes],
        *,
        columns: Sequence[str],
        parameters: Mapping[str, Any],
        facts: Mapping[str, Any],
        metrics: Metrics,
        seed: int,
        code_version: str,
        data_versions: Mapping[str, Any],
        trained_as_of: datetime,
        cpu_seconds: float,
    ) -> Version:
        """Store a trained model as the next version of its name, atomically, and return it.

        `files` are the artefact's bytes by name. The same inputs and bytes are the same version: it is returned as it
        was first registered, with `created` False. Raises ValueError when a name, a number or a fact cannot be stored.
        """
        _check(customer, model, metrics)
        recipe = artefacts.Recipe(
            files={name: artefacts.sha256(files[name]) for name in sorted(files)},
            columns=tuple(columns),
            parameters=dict(parameters),
            facts=dict(facts),
            seed=seed,
            code_version=code_version,
            data_versions=dict(data_versions),
        )
        digest = recipe.digest()
        folder = artefacts.address(customer, model, digest)
        _check_file_names(folder, files)
        artefacts.put(self.store, folder, files, recipe)
        version = Version(
            customer=customer,
            model=model,
            number=0,  # assigned by the database
            digest=digest,
            uri=f"{self.store.uri}/{folder}",
            files=recipe.files,
            columns=recipe.columns,
            parameters=recipe.parameters,
            facts=recipe.facts,
            metrics=metrics,
            seed=seed,
            code_version=code_version,
            data_versions=recipe.data_versions,
            trained_as_of=utc(trained_as_of),
            cpu_seconds=cpu_seconds,
            created_at=now(),
        )
        with self._database.writing() as connection:
            return versions.insert(connection, version)

    def promote(self, customer: str, model: str, number: int, reason: str) -> Version:
        """Make a version the champion and record why; promoting the champion again changes nothing."""
        with self._database.writing() as connection:
            version = versions.one(connection, customer, model, number)
            decisions.promote(connection, customer, model, number, reason)
            return version

    def keep(self, customer: str, model: str, number: int, reason: str) -> None:
        """Record why version `number` did not become the champion."""
        with self._database.writing() as connection:
            versions.one(connection, customer, model, number)
            decisions.log(connection, customer, model, number, "kept", reason)

    def rollback(self, customer: str, model: str, reason: str) -> Version:
        """Go back to the previous champion, and with each call one further; raises RegistryError if none is left."""
        with self._database.writing() as connection:
            number = decisions.roll_back(connection, customer, model, reason)
            return versions.one(connection, customer, model, number)

    def champion(self, customer: str, model: str) -> Version | None:
        """Return the version that predicts for this customer now, None without one."""
        with self._database.reading() as connection:
            return next(iter(versions.champions(connection, customer, model)), None)

    def champions(self, customer: str | None = None) -> list[Version]:
        """Return the champions of one customer's models, or of every customer's, by customer and model."""
        with self._database.reading() as connection:
            return versions.champions(connection, customer)

    def champions_of(self, model: str) -> list[Version]:
        """Return every customer's champion of one model, by customer."""
        with self._database.reading() as connection:
            return versions.champions(connection, None, model)

    def generation(self, customer: str, model: str) -> int:
        """Return how often the champion has changed: a server that sees another number reloads the champion."""
        from sqlalchemy import select

        table = tables().model
        query = select(table.c.generation).where(table.c.customer == customer, table.c.name == model)
        with self._database.reading() as connection:
            return connection.execute(query).scalar() or 0

    def version(self, customer: str, model: str, number: int) -> Version:
        """Return one version; raises RegistryError when there is none of that number."""
        with self._database.reading() as connection:
            return versions.one(connection, customer, model, number)

    def versions(self, customer: str, model: str) -> list[Version]:
        """Return every version of one customer's model, the newest last."""
        with self._database.reading() as connection:
            return versions.every(connection, customer, model)

    def events(self, customer: str, model: str | None = None) -> list[Event]:
        """Return what was registered and decided for a customer, or for one of its models, the oldest first."""
        with self._database.reading() as connection:
            return decisions.events(connection, customer, model)

    def load(self, version: Version) -> dict[str, bytes]:
        """Return the files of a version, verified against their sha256; raises RegistryError naming a damaged one."""
        return artefacts.load(self.store, version)

    def record_status(
        self,
        customer: str,
        asset: str,
        status: Status,
        reason: str = "",
        run_id: str | None = None,
        as_of: datetime | None = None,
    ) -> None:
        """Record how the last attempt at one asset of one customer ended, in place of its entry before."""
        self.record_entries([LedgerEntry(customer, asset, status, reason, run_id, as_of)])

    def record_entries(self, entries: Iterable[LedgerEntry]) -> None:
        """Record many entries in one transaction; of two for the same customer and asset the later one wins."""
        listed = list(entries)
        if listed:
            with self._database.writing() as connection:
                _write_entries(connection, listed)

    def ledger(self, customer: str | None = None) -> list[LedgerEntry]:
        """Return how the last attempts ended, for one customer or for all, by customer and asset."""
        with self._database.reading() as connection:
            return _read_entries(connection, customer)

    def close(self) -> None:
        """Close the idle database connections; a later call opens new ones."""
        self._database.close()


def _check(customer: str, model: str, metrics: Metrics) -> None:
    for kind, name, pattern in (("customer", customer, NAME_PATTERN), ("model", model, MODEL_PATTERN)):
        if not re.fullmatch(pattern, name):
            raise ValueError(f"{name!r} cannot be the name of a {kind}: it must match {pattern}.")
    for name, value in metrics.to_json().items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(
                f"The {metrics.name} of {model} for {customer!r} has {name} = {value}.\n"
                "A version is judged by finite numbers: use None for one that is not known."
            )


def _check_file_names(folder: str, files: Mapping[str, bytes]) -> None:
    for name in files:
        if name == artefacts.MANIFEST:
            raise ValueError(f"An artefact file cannot be called {name}: the registry keeps its own there. Rename it.")
        check_key(f"{folder}/{name}")


def _write_entries(connection: Connection, entries: Iterable[LedgerEntry]) -> None:
    """Write entries over those of the same customer and asset; of two in one call the later one wins.

    Raises ValueError for an unknown status.
    """
    at = now()
    last = {(entry.customer, entry.asset): entry for entry in entries}
    if not last:
        return
    rows = []
    for key in sorted(last):  # the same order in every process: two batches on PostgreSQL cannot deadlock
        entry = last[key]
        if entry.status not in STATUSES:
            raise ValueError(f"{entry.status!r} is not an outcome of {key}: use one of {', '.join(STATUSES)}.")
        as_of = None if entry.as_of is None else utc(entry.as_of)
        rows.append(asdict(entry) | {"as_of": as_of, "at": at})
    table = tables().outcome
    new = insert_into(connection, table)
    updated = {name: new.excluded[name] for name in ("status", "reason", "run_id", "as_of", "at")}
    connection.execute(new.on_conflict_do_update(index_elements=["customer", "asset"], set_=updated), rows)


def _read_entries(connection: Connection, customer: str | None = None) -> list[LedgerEntry]:
    """Return the entries of one customer or of all, by customer and asset."""
    from sqlalchemy import select

    table = tables().outcome
    query = select(table).order_by(table.c.customer, table.c.asset)
    if customer is not None:
        query = query.where(table.c.customer == customer)
    return [LedgerEntry(**row) for row in connection.execute(query).mappings()]
