"""The one difference between SQLite's and PostgreSQL's SQL here: where SQLAlchemy keeps INSERT … ON CONFLICT."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table
    from sqlalchemy.dialects.postgresql import Insert


def insert_into(connection: Connection, table: Table) -> Insert:
    """Return the dialect's own INSERT, which has on_conflict_do_nothing and on_conflict_do_update."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert(table)
    from sqlalchemy.dialects import sqlite

    statement: Insert = sqlite.insert(table)  # type: ignore[assignment]  # the two have the same methods but no common base
    return statement
