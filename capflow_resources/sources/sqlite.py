"""SQLite databases: one file with several tables, opened for reading only.

Python's own driver is used: it streams, needs no extension, and is exact. (ADBC's driver guesses types from the first
1,024 rows and fails on a column that starts with nulls.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.errors import file_name, missing_columns, source_error
from capflow_resources.sources.files import matched
from capflow_resources.sources.files import state as state_of_files
from capflow_resources.sources.kind import Opened, Since
from partitions.customer import Customer, Source, TableMapping
from partitions.form import nearest

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

BATCH_ROWS = 50_000


def open(customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None) -> Opened:
    """The mapped columns of one table or view, copied in batches into a temporary table of `con`.

    SQLite lets a column hold any type in any row: whole numbers and decimals together become decimals, any other
    mixture becomes text.
    """
    path, table = _database(customer, source), str(mapping.options.get("table", ""))
    # A worker thread of DuckDB pulls the batches, one after another.
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)) as database:
        database.execute("BEGIN")  # the types and the rows must come from the same state
        _check_table(customer, source, mapping, database, table)
        wanted = source_columns(mapping)
        found = {row[1]: row[2].lower() or "any" for row in database.execute(f"PRAGMA table_info({_quoted(table)})")}
        if missing := missing_columns(customer, source, mapping.table, wanted, found):
            raise missing
        return Opened(_copy(con, database, table, wanted), found)


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """What changes when the database may have changed, its write-ahead log included."""
    path = _database(customer, source)
    log = path.with_name(path.name + "-wal")
    return state_of_files([path, log] if log.exists() else [path])


def tables(customer: Customer, source: Source) -> list[str]:
    """The tables and views of the database."""
    with closing(sqlite3.connect(f"{_database(customer, source).resolve().as_uri()}?mode=ro", uri=True)) as database:
        return _tables(database)


def fault(source: Source, error: Exception) -> str | None:
    """SQLite's own complaint, or what DuckDB says of the rows that it was handed."""
    if not isinstance(error, sqlite3.Error) and "arrow_scan" not in str(error):
        return None
    return f"{source.uri} cannot be read ({str(error).strip().splitlines()[0][:200]})"


def _database(customer: Customer, source: Source) -> Path:
    paths = matched(customer, source)
    if len(paths) > 1:
        remedy = f"Name one of them in sources.{source.name}.uri of {file_name(customer)}."
        raise source_error(customer, source, f"{len(paths)} databases match {source.uri}", remedy)
    return paths[0]


def _check_table(
    customer: Customer, source: Source, mapping: TableMapping, database: sqlite3.Connection, table: str
) -> None:
    names = _tables(database)
    if table not in names:
        what = f"there is no table '{table}'{nearest(table, names)}"
        remedy = f"Correct tables.{mapping.table}.table in {file_name(customer)}."
        raise source_error(customer, source, what, remedy)


def _tables(database: sqlite3.Connection) -> list[str]:
    return [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]


def _copy(con: Backend, database: sqlite3.Connection, table: str, wanted: tuple[str, ...]) -> ibis.Table:
    import pyarrow as pa

    chosen = [(name, *_type_of(database, table, name)) for name in wanted]
    schema = pa.schema([(name, dtype) for name, dtype, _ in chosen])
    cursor = database.execute(f"SELECT {', '.join(sql for _, _, sql in chosen)} FROM {_quoted(table)}")
    reader = pa.RecordBatchReader.from_batches(schema, _batches(cursor, schema))
    view, copy = f"sqlite_rows_{uuid4().hex}", f"sqlite_{uuid4().hex}"
    con.con.register(view, reader)
    try:
        con.con.execute(f"CREATE TEMP TABLE {copy} AS SELECT * FROM {view}")
    finally:
        con.con.unregister(view)
    return con.table(copy)


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    while rows := cursor.fetchmany(BATCH_ROWS):
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _type_of(database: sqlite3.Connection, table: str, name: str) -> tuple[Any, str]:
    """The Arrow type that holds every value of a column, and the SQL that gives it."""
    import pyarrow as pa

    column = _quoted(name)
    kinds = {row[0] for row in database.execute(f"SELECT DISTINCT typeof({column}) FROM {_quoted(table)}")} - {"null"}
    if kinds == {"integer"}:
        return pa.int64(), column
    if kinds and kinds <= {"integer", "real"}:
        return pa.float64(), f"CAST({column} AS REAL)"
    if kinds == {"blob"}:
        return pa.binary(), column
    return pa.string(), f"CAST({column} AS TEXT)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
