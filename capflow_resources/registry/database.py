"""The registry's connections: SQLite in a file or a PostgreSQL server, with a time limit on every wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from capflow_resources.registry.records import RegistryError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

WAIT_SECONDS = 30  # for another writer's lock, a statement, a free connection
CONNECT_SECONDS = 10


class Database:
    """Opens connections for reading and for writing, and upgrades the schema before the first.

    `url` is `sqlite:////folder/registry.db` (a local disk, not a network share: WAL needs shared memory) or
    `postgresql://user:password@host/name`. Nothing is opened before the first call.
    """

    def __init__(self, url: str) -> None:
        self._address = url
        self._lock = Lock()
        self._schema_is_current = False
        self._pid = os.getpid()

    @property
    def name(self) -> str:
        """The address without its password."""
        return self._url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection in autocommit: every statement sees what is committed and leaves no lock."""
        with self._explain_errors():
            self._ensure_schema()
            with self._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one transaction: committed as a whole at the end, rolled back when anything is raised."""
        with self._explain_errors():
            self._ensure_schema()
            with self._engine.begin() as connection:
                yield connection

    def close(self) -> None:
        """Close the idle connections; the next call opens new ones."""
        self._engine.dispose()

    @cached_property
    def _url(self) -> URL:
        return _parse(self._address)

    @cached_property
    def _engine(self) -> Engine:
        self._pid = os.getpid()
        return _sqlite(self._url) if self._url.get_backend_name() == "sqlite" else _postgresql(self._url)

    def _ensure_schema(self) -> None:
        if self._pid != os.getpid():  # forked: the connections belong to the parent
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        if self._schema_is_current:
            return
        from capflow_resources.registry.migrate import migrate

        with self._lock:
            if not self._schema_is_current:
                migrate(self._engine, self.name, WAIT_SECONDS)
                self._schema_is_current = True

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Turn an error of the database itself into one with its address and what to do; let other errors travel."""
        from sqlalchemy.exc import DBAPIError, TimeoutError

        try:
            yield
        except (DBAPIError, TimeoutError) as error:
            cause = str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
            raise RegistryError(
                f"The model registry at {self.name} failed: {cause}\n{_advice(cause)} Nothing half-done was kept."
            ) from error


def _advice(cause: str) -> str:
    if "full" in cause or "No space" in cause:
        return "Free disk space there, then run again."
    if "locked" in cause or "timeout" in cause:
        return f"Another writer held it for over {WAIT_SECONDS} s: find that process, then run again."
    return "Check that the address is right and that it can be reached and written to, then run again."


def _parse(url: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is not None and parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if parsed is not None and parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    kind = "no URL" if parsed is None else parsed.render_as_string(hide_password=True)
    raise RegistryError(
        f"The model registry's address cannot be used ({kind}).\n"
        "Write sqlite:////folder/registry.db or postgresql://user:password@host/database."
    )


def _sqlite(url: URL) -> Engine:
    from sqlalchemy import create_engine, event

    assert url.database is not None
    Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS}, pool_timeout=WAIT_SECONDS)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # a promotion that was acknowledged survives a power cut

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads, then writes, must not find another writer's change in between.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    from sqlalchemy import create_engine

    milliseconds = WAIT_SECONDS * 1000
    limits: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": milliseconds,  # notice a server that has vanished
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
        f"-c idle_in_transaction_session_timeout={2 * milliseconds}",
    }
    arguments = {name: value for name, value in limits.items() if name not in url.query}
    return create_engine(url, connect_args=arguments, pool_pre_ping=True, pool_timeout=WAIT_SECONDS)
