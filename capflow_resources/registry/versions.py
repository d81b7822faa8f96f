"""Rows of versions: numbers without gaps, each digest once, and the champions among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.registry.decisions import lock_model, log
from capflow_resources.registry.records import Metrics, RegistryError, Version
from capflow_resources.registry.tables import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select


def insert(connection: Connection, version: Version) -> Version:
    """Store `version` under the next number of its model; if its digest is there already, return the stored one."""
    from dataclasses import asdict, replace

    from sqlalchemy import func, select

    table = tables().version
    customer, model = version.customer, version.model
    lock_model(connection, customer, model)
    same = select(table).where(table.c.customer == customer, table.c.model == model, table.c.digest == version.digest)
    stored = connection.execute(same).mappings().first()
    if stored is not None:
        return _version(stored)
    newest = select(func.max(table.c.number)).where(table.c.customer == customer, table.c.model == model)
    numbered = replace(version, number=(connection.execute(newest).scalar() or 0) + 1, created=True)
    row = asdict(numbered) | {"columns": list(version.columns), "metrics": version.metrics.to_json()}
    del row["created"]
    connection.execute(table.insert(), row)
    log(connection, customer, model, numbered.number, "registered", "")
    return numbered


def one(connection: Connection, customer: str, model: str, number: int) -> Version:
    """Return one version; raises RegistryError listing those that exist."""
    table = tables().version
    row = connection.execute(_of(customer, model).where(table.c.number == number)).mappings().first()
    if row is not None:
        return _version(row)
    numbers = [str(version.number) for version in every(connection, customer, model)]
    raise RegistryError(
        f"{model} for {customer!r} has no version {number}.\n"
        + (f"Choose one of {', '.join(numbers)}." if numbers else f"Train it first: capflow run --customer {customer}.")
    )


def every(connection: Connection, customer: str, model: str) -> list[Version]:
    """Return all versions of a model, the newest last."""
    rows = connection.execute(_of(customer, model).order_by(tables().version.c.number)).mappings()
    return [_version(row) for row in rows]


def champions(connection: Connection, customer: str | None = None, model: str | None = None) -> list[Version]:
    """Return the champions of every model, of one customer's, or of one model, by customer and model."""
    from sqlalchemy import and_, select

    champion, version = tables().model, tables().version
    is_champion = and_(
        champion.c.customer == version.c.customer,
        champion.c.name == version.c.model,
        champion.c.champion == version.c.number,
    )
    query = select(version).join(champion, is_champion).order_by(version.c.customer, version.c.model)
    if customer is not None:
        query = query.where(version.c.customer == customer)
    if model is not None:
        query = query.where(version.c.model == model)
    return [_version(row) for row in connection.execute(query).mappings()]


def _of(customer: str, model: str) -> Select[tuple[object, ...]]:
    from sqlalchemy import select

    table = tables().version
    return select(table).where(table.c.customer == customer, table.c.model == model)


def _version(row: RowMapping) -> Version:
    return Version(**dict(row) | {"columns": tuple(row["columns"]), "metrics": Metrics.from_json(row["metrics"])})
