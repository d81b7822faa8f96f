"""Promotes, keeps out and rolls back versions, each with its reason in the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.registry.dialect import insert_into
from capflow_resources.registry.records import Decision, Event, RegistryError, now
from capflow_resources.registry.tables import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping


def lock_model(connection: Connection, customer: str, model: str) -> RowMapping:
    """Return the model's row (inserted if new), locked until the transaction ends, so that decisions are serialised."""
    from sqlalchemy import select

    table = tables().model
    query = select(table).where(table.c.customer == customer, table.c.name == model).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        new = insert_into(connection, table).values(customer=customer, name=model, champion=None, generation=0)
        connection.execute(new.on_conflict_do_nothing())
        row = connection.execute(query).mappings().one()
    return row


def log(connection: Connection, customer: str, model: str, version: int, kind: Decision, reason: str) -> None:
    """Append one event to the model's history."""
    row = {"customer": customer, "model": model, "version": version, "kind": kind, "reason": reason, "at": now()}
    connection.execute(tables().event.insert(), row)


def promote(connection: Connection, customer: str, model: str, number: int, reason: str) -> None:
    """Make an existing version the champion; do nothing if it already is."""
    row = lock_model(connection, customer, model)
    if row["champion"] != number:
        _set_champion(connection, row, number)
        log(connection, customer, model, number, "promoted", reason)


def roll_back(connection: Connection, customer: str, model: str, reason: str) -> int:
    """Make the previous champion the champion again, and return its number; raises RegistryError if there is none."""
    row = lock_model(connection, customer, model)
    history = _champion_history(connection, customer, model)
    if len(history) < 2:
        raise RegistryError(
            f"{model} for {customer!r} cannot be rolled back: "
            + (f"no champion came before version {history[0]}.\n" if history else "it has no champion.\n")
            + f"Train a new version instead: capflow run --customer {customer} --model {model}."
        )
    number = history[-2]
    _set_champion(connection, row, number)
    log(connection, customer, model, number, "rolled_back", reason)
    return number


def events(connection: Connection, customer: str, model: str | None = None) -> list[Event]:
    """Return the events of a customer, or of one of its models, oldest first."""
    from sqlalchemy import select

    table = tables().event
    query = select(table).where(table.c.customer == customer).order_by(table.c.id)
    if model is not None:
        query = query.where(table.c.model == model)
    return [Event(**row) for row in connection.execute(query).mappings()]


def _champion_history(connection: Connection, customer: str, model: str) -> list[int]:
    """Return the champions up to the present one; a rollback undoes the last promotion, so it removes the last one."""
    history: list[int] = []
    for event in events(connection, customer, model):
        if event.kind == "promoted":
            history.append(event.version)
        elif event.kind == "rolled_back":
            history.pop()
    return history


def _set_champion(connection: Connection, row: RowMapping, number: int) -> None:
    table = tables().model
    change = table.update().where(table.c.customer == row["customer"], table.c.name == row["name"])
    connection.execute(change.values(champion=number, generation=row["generation"] + 1))
