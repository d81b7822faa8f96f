"""Rows of versions: the next number without gaps, the same version once only, and the champion among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.registry.decisions import lock_model, log
from capflow_resources.registry.records import Metrics, RegistryError, Version
from capflow_resources.registry.tables import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select


def insert(connection: Connection, version: Version) -> Version:
    """Give `version` the next number of its model and store it; the stored one when its digest is there already."""
    from dataclasses import asdict, replace

    from sqlalchemy import func, select

    table = tables().version
    customer, model = version.customer, version.model
    lock_model(connection, customer, model)
    same = select(table).where(table.c.customer == customer, table.c.model == model, table.c.digest == version.digest)
    found = connection.execute(same).mappings().first()
    if found is not None:
        return _version(found)
    newest = select(func.max(table.c.number)).where(table.c.customer == customer, table.c.model == model)
    numbered = replace(version, number=(connection.execute(newest).scalar() or 0) + 1, created=True)
    row = asdict(numbered) | {"columns": list(version.columns), "metrics": version.metrics.to_json()}
    del row["created"]
    connection.execute(table.insert(), row)
    log(connection, customer, model, numbered.number, "registered", "")
    return numbered


def one(connection: Connection, customer: str, model: str, number: int) -> Version:
    """That version; RegistryError naming the ones there are when it does not exist."""
    table = tables().version
    row = connection.execute(_of(customer, model).where(table.c.number == number)).mappings().first()
    if row is not None:
        return _version(row)
    known = [str(version.number) for version in every(connection, customer, model)]
    raise RegistryError(
        f"{model} for {customer!r} has no version {number}.\n"
        + (f"Choose one of {', '.join(known)}." if known else f"Train it first: capflow run --customer {customer}.")
    )


def every(connection: Connection, customer: str, model: str) -> list[Version]:
    """All versions of a model, the newest last."""
    rows = connection.execute(_of(customer, model).order_by(tables().version.c.number)).mappings()
    return [_version(row) for row in rows]


def champions(connection: Connection, customer: str | None = None, model: str | None = None) -> list[Version]:
    """The champions of every model, of one customer's, or of one model, by customer and model."""
    from sqlalchemy import and_, select

    champion, version = tables().model, tables().version
    matching = and_(
        champion.c.customer == version.c.customer,
        champion.c.name == version.c.model,
        champion.c.champion == version.c.number,
    )
    query = select(version).join(champion, matching).order_by(version.c.customer, version.c.model)
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
