"""Upgrades the registry's schema: one cheap query when it is current, Alembic under a lock when it is not."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from capflow_resources.registry.records import RegistryError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

HEAD = "0001"  # the newest file in migrations/versions; a test holds both equal
MIGRATIONS = Path(__file__).with_name("migrations")
POSTGRES_LOCK = 0x0CA9F105  # any number, the same in every CapFlow
MIGRATION_SECONDS = 600

_alembic = Lock()  # alembic.op is one global for the whole process


def migrate(engine: Engine, name: str, wait_seconds: float) -> None:
    """Create or upgrade the schema; several processes may call this at once, and one of them does it.

    All migrations run in one transaction, so that a crash leaves the old schema. `name` is the registry's address
    without a password. Raises RegistryError if a newer CapFlow made the registry.
    """
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if _revision(connection) == HEAD:
            return
        if engine.dialect.name == "sqlite":
            _write_ahead_log(connection, wait_seconds)
    with _alembic, engine.begin() as connection:  # SQLite: BEGIN IMMEDIATE is the lock
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {MIGRATION_SECONDS * 1000}")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATION_SECONDS * 1000}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POSTGRES_LOCK})")
        revision = _revision(connection)
        if revision != HEAD:
            _upgrade(connection, revision, name)


def _revision(connection: Connection) -> str | None:
    """Return the revision of the database's schema; None when it has no schema yet."""
    if connection.dialect.name == "sqlite":
        has_schema = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    else:
        has_schema = "SELECT count(*) WHERE to_regclass('alembic_version') IS NOT NULL"
    if not connection.exec_driver_sql(has_schema).scalar_one():
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _upgrade(connection: Connection, revision: str | None, name: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise RegistryError(
            f"The model registry at {name} has schema {revision}; this CapFlow knows schemas up to {HEAD}.\n"
            "It was written by a newer CapFlow: upgrade this one."
        ) from error


def _write_ahead_log(connection: Connection, wait_seconds: float) -> None:
    """Let readers go on while one process writes; the switch ignores SQLite's busy_timeout, so it is retried here."""
    from sqlalchemy.exc import OperationalError
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

    def is_locked(error: BaseException) -> bool:
        return isinstance(error, OperationalError) and "locked" in str(error)

    patiently = Retrying(
        retry=retry_if_exception(is_locked), stop=stop_after_delay(wait_seconds), wait=wait_fixed(0.02), reraise=True
    )
    patiently(connection.exec_driver_sql, "PRAGMA journal_mode = WAL")
