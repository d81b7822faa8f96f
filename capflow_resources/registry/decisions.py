"""Which version is the champion: promoted, kept out or gone back to, each with its reason in the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.registry.dialect import insert_into
from capflow_resources.registry.records import Decision, Event, RegistryError, now
from capflow_resources.registry.tables import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping


def lock_model(connection: Connection, customer: str, model: str) -> RowMapping:
    """The model's row, made when it is new, held for this transaction so that decisions come one after the other."""
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
    """Add one line to the model's history."""
    row = {"customer": customer, "model": model, "version": version, "kind": kind, "reason": reason, "at": now()}
    connection.execute(tables().event.insert(), row)


def promote(connection: Connection, customer: str, model: str, number: int, reason: str) -> None:
    """Make an existing version the champion; nothing happens when it is the champion already."""
    row = lock_model(connection, customer, model)
    if row["champion"] != number:
        _crown(connection, row, number)
        log(connection, customer, model, number, "promoted", reason)


def roll_back(connection: Connection, customer: str, model: str, reason: str) -> int:
    """Make the champion before the present one the champion again, and return its number."""
    row = lock_model(connection, customer, model)
    line = _champions_so_far(connection, customer, model)
    if len(line) < 2:
        raise RegistryError(
            f"{model} for {customer!r} cannot be rolled back: "
            + (f"no champion came before version {line[0]}.\n" if line else "it has no champion.\n")
            + f"Train a new version instead: capflow run --customer {customer} --model {model}."
        )
    number = line[-2]
    _crown(connection, row, number)
    log(connection, customer, model, number, "rolled_back", reason)
    return number


def events(connection: Connection, customer: str, model: str | None = None) -> list[Event]:
    """A customer's history, or one model's, the oldest first."""
    from sqlalchemy import select

    table = tables().event
    query = select(table).where(table.c.customer == customer).order_by(table.c.id)
    if model is not None:
        query = query.where(table.c.model == model)
    return [Event(**row) for row in connection.execute(query).mappings()]


def _champions_so_far(connection: Connection, customer: str, model: str) -> list[int]:
    """The present champion last, before it those that a rollback would go back to: a rollback undoes a promotion."""
    line: list[int] = []
    for event in events(connection, customer, model):
        if event.kind == "promoted":
            line.append(event.version)
        elif event.kind == "rolled_back":
            line.pop()
    return line


def _crown(connection: Connection, row: RowMapping, number: int) -> None:
    table = tables().model
    change = table.update().where(table.c.customer == row["customer"], table.c.name == row["name"])
    connection.execute(change.values(champion=number, generation=row["generation"] + 1))
