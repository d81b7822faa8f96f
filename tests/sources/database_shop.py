"""A customer whose line items are in a real database, for the tests of every database."""

from __future__ import annotations

import socket
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from capflow_assets.raw import asset as raw
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.home import Home
from capflow_resources.sources import SourceError
from tests.sources.sql_writers import mysql

# Every sign that means something in an address, in SQL or in libpq's own settings.
ODD = "p@s:/?#% '\\\"x"
ODD_TABLE = """sa"l`e'; DROP TABLE sale; --"""
ODD_COLUMN = """it"e`m'; --"""
FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources:
  sales: {{kind: {kind}, uri: "{uri}", options: {{timeout_seconds: {seconds}}}}}
tables:
  line_items: {{source: sales, table: '{table}', columns: {{item_id: '{item}', unit_price: price}}}}
"""


class Postgres:
    """A PostgreSQL database for one test."""

    kind, scheme = "postgres", "postgresql"
    slow = (
        "CREATE VIEW {0} AS SELECT g::text AS item, 1.5 AS price "
        "FROM generate_series(1, 99999) g, pg_sleep(0.001 * (g / g))"
    )
    reading = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE state = 'active' AND application_name = 'CapFlow' AND query LIKE 'COPY%'"
    )
    kill = "SELECT pg_terminate_backend({})"
    lock = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"

    def __init__(self, server: str) -> None:
        self.server, self.name = server, f"shop_{uuid.uuid4().hex[:8]}"
        self.host, self.port = "127.0.0.1", urlsplit(server).port or 0
        self.do(f"CREATE DATABASE {self.name}", database="postgres")

    def connect(self, database: str = "") -> Any:
        import psycopg

        return psycopg.connect(f"{self.server}/{database or self.name}", autocommit=True)

    def do(self, *statements: str, database: str = "") -> list[Any]:
        with closing(self.connect(database)) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []

    def add_user(self, name: str, password: str) -> None:
        self.do(f"CREATE ROLE {name} LOGIN PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")
        self.do(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")

    @staticmethod
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'


class MySQL:
    """A MariaDB database for one test."""

    kind, scheme = "mysql", "mysql"
    slow = "CREATE VIEW {0} AS SELECT seq AS item, 1.5 AS price FROM seq_1_to_99999 WHERE sleep(0.001) = 0"
    reading = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT `item`%'"
    kill = "KILL {}"
    lock = "LOCK TABLES {} WRITE"

    def __init__(self, server: str) -> None:
        self.server, self.name = server, f"shop_{uuid.uuid4().hex[:8]}"
        self.host, self.port = "127.0.0.1", urlsplit(server).port or 0
        self.do(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4", database="mysql")

    def connect(self, database: str = "") -> Any:
        connection = mysql(self.server, database or self.name)
        connection.autocommit(True)
        return connection

    def do(self, *statements: str, database: str = "") -> list[Any]:
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def add_user(self, name: str, password: str) -> None:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY %s", password)
            cursor.execute(f"GRANT SELECT ON {self.name}.* TO {name}@'127.0.0.1'")

    @staticmethod
    def quoted(name: str) -> str:
        return "`" + name.replace("`", "``") + "`"


Database = Postgres | MySQL


@dataclass
class Shop:
    """A customer whose line items are in a database, read by a user whose password has special characters."""

    home: Home
    database: Database
    monkeypatch: pytest.MonkeyPatch
    user: str

    def write_customer_file(self, table: str = "sale", item: str = "item", seconds: int = 20, **address: Any) -> None:
        """Write the customer file; `address` overrides parts of the uri."""
        self.password = address.get("password", ODD)
        self.monkeypatch.setenv("SHOP_PASSWORD", self.password)
        base = self.database
        login = f"{address.get('user', self.user)}:${{SHOP_PASSWORD}}"
        place = f"{address.get('host', base.host)}:{address.get('port', base.port)}/{address.get('name', base.name)}"
        uri = f"{base.scheme}://{login}@{place}"
        text = FILE.format(
            kind=base.kind, uri=uri, seconds=seconds, table=table.replace("'", "''"), item=item.replace("'", "''")
        )
        self.home.customers_folder.mkdir(parents=True, exist_ok=True)
        (self.home.customers_folder / "acme.yaml").write_text(text)

    def load(self) -> list[tuple[Any, ...]]:
        """Load raw/line_items and return its rows, sorted."""
        with closing_run(CustomerRun(self.home, "acme")) as run:
            raw.load(run, "raw/line_items")
            rows = run.read("raw/line_items").to_pyarrow().to_pylist()
        return sorted((tuple(row.values()) for row in rows), key=str)

    def load_error(self) -> str:
        """Return the error of a failed load, after checks: one line, no password, and nothing of it in the lake."""
        before = self.home.lake.version("acme", "raw/line_items")
        with closing_run(CustomerRun(self.home, "acme")) as run, pytest.raises(SourceError) as caught:
            raw.load(run, "raw/line_items")
        assert self.home.lake.version("acme", "raw/line_items") == before
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.__context__)
        for secret in (self.password, quote(self.password), quote(self.password, safe=""), repr(self.password)[1:-1]):
            assert secret not in shown
        said = str(caught.value)
        assert said.startswith("source 'sales' of 'acme': ")
        assert "\n" not in said
        return said


@contextmanager
def closing_run(run: CustomerRun) -> Iterator[CustomerRun]:
    """Close a run's engine at the end."""
    try:
        yield run
    finally:
        run.landing.disconnect()


@contextmanager
def silent_host() -> Iterator[int]:
    """Yield the port of a host that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield listener.getsockname()[1]


@contextmanager
def killing(database: Database) -> Iterator[None]:
    """Kill every connection that reads rows, as soon as there is one."""

    def kill() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not done.is_set():
            found = database.do(database.reading)
            for row in found:
                database.do(database.kill.format(row[0]))
            time.sleep(0.05)

    done = threading.Event()
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
