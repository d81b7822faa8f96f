"""Writers of test tables into databases: each table under its own name, in the database's own types."""

from __future__ import annotations

import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import pandas as pd
    import pymysql

TYPES = {"i": "BIGINT", "f": "DOUBLE PRECISION", "b": "BOOLEAN", "M": "TIMESTAMP(6)"}


def write_duckdb(folder: Path, name: str, rows: pd.DataFrame, server: None) -> Any:
    import duckdb

    from tests.sources.writers import StoredTable

    path = folder / f"{name}.duckdb"
    with closing(duckdb.connect(str(path), config={"threads": 1})) as database:
        database.register("rows", rows)
        database.execute(f'CREATE TABLE "{name}" AS SELECT * FROM rows')
    return StoredTable(str(path), table={"table": name})


def write_postgres(folder: Path, name: str, rows: pd.DataFrame, server: str) -> Any:
    import psycopg

    from tests.sources.writers import StoredTable

    schema, columns = f"s{uuid.uuid4().hex[:12]}", ", ".join(f'"{column}"' for column in rows)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
        database.execute(f"CREATE SCHEMA {schema}".encode())
        database.execute(f'CREATE TABLE {schema}."{name}" ({column_definitions(rows, chr(34))})'.encode())
        with database.cursor().copy(f'COPY {schema}."{name}" ({columns}) FROM STDIN'.encode()) as copy:
            for row in values(rows):
                copy.write_row(row)
    return StoredTable(f"{server}/postgres", table={"table": f"{schema}.{name}"})


def write_for_adbc(folder: Path, name: str, rows: pd.DataFrame, server: str) -> Any:
    return _with_scheme(f"adbc+{server}", write_postgres(folder, name, rows, server))


def write_for_ibis(folder: Path, name: str, rows: pd.DataFrame, server: str) -> Any:
    return _with_scheme(server, write_postgres(folder, name, rows, server))


def write_mysql(folder: Path, name: str, rows: pd.DataFrame, server: str) -> Any:
    from tests.sources.writers import StoredTable

    home = f"s{uuid.uuid4().hex[:12]}"
    with closing(mysql(server)) as database, database.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {home} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        cursor.execute(f"USE {home}")
        cursor.execute(f"CREATE TABLE `{name}` ({column_definitions(rows, '`').replace('TIMESTAMP', 'DATETIME')})")
        marks = ", ".join(["%s"] * len(rows.columns))
        cursor.executemany(f"INSERT INTO `{name}` VALUES ({marks})", values(rows))
        database.commit()
    return StoredTable(f"{server}/{home}", table={"table": name})


def mysql(server: str, database: str | None = None) -> pymysql.connections.Connection[Any]:
    """Connect to the MariaDB server of the tests."""
    import pymysql

    parts = urlsplit(server)
    assert parts.password
    return pymysql.connect(
        host=parts.hostname, port=parts.port or 0, user=parts.username, password=parts.password, database=database
    )


def column_definitions(rows: pd.DataFrame, quote: str) -> str:
    """Return the column definitions of a table that holds `rows`, in SQL."""
    return ", ".join(f"{quote}{name}{quote} {TYPES.get(rows[name].dtype.kind, 'TEXT')}" for name in rows)


def values(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the rows as Python values; missing ones are None."""
    import pandas as pd

    plain = rows.astype(object).where(pd.notna(rows), None)
    return [tuple(row) for row in plain.itertuples(index=False, name=None)]


def _with_scheme(uri: str, kept: Any) -> Any:
    from tests.sources.writers import StoredTable

    return StoredTable(f"{uri}/postgres", table=kept.table)
