"""SQLite databases: one file with several tables, opened read-only.

Read by Python's own driver: it streams, needs no extension, and is exact. (ADBC's driver guesses types from the first
1,024 rows and fails on a column that starts with nulls.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.quoting import quote_name
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.databases.address import unknown_table_error
from capflow_resources.sources.databases.database_file import find_database_file, state_with_log
from capflow_resources.sources.errors import missing_columns_error
from capflow_resources.sources.reader import Since, SourceTable
from capflow_resources.sources.stream import StreamError, find_stream_error, stream_table
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

BATCH_ROWS = 20_000
BATCH_BYTES = 32 * 2**20


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of one table or view, streamed again by every query.

    SQLite allows values of any type in any column: whole numbers mixed with decimals become decimals, any other mixture
    becomes text.
    """
    import pyarrow as pa

    path, table = find_database_file(customer, source), str(mapping.options.get("table", ""))
    with closing(_connect(path)) as database:
        database.execute("BEGIN")
        if table not in (names := _list_tables(database)):
            raise unknown_table_error(customer, source, mapping.table, table, names)
        found = {row[1]: row[2].lower() or "any" for row in database.execute(f"PRAGMA table_info({quote_name(table)})")}
        wanted = source_columns(mapping) or tuple(found)
        if missing := missing_columns_error(customer, source, mapping.table, wanted, found):
            raise missing
        chosen = [(name, *_column_type(database, table, name)) for name in wanted]
        condition = _since_condition(database, table, since) if since else ""
    schema = pa.schema([(name, dtype) for name, dtype, _ in chosen])
    sql = f"SELECT {', '.join(sql for _, _, sql in chosen)} FROM {quote_name(table)}{condition}"
    return SourceTable(stream_table(con, schema, lambda: _read_batches(path, sql, schema)), found)


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return path, size and modification time of the file and of its write-ahead log."""
    return state_with_log(find_database_file(customer, source), "-wal")


def tables(customer: Customer, source: Source) -> list[str]:
    """List the tables and views of the database."""
    with closing(_connect(find_database_file(customer, source))) as database:
        return _list_tables(database)


def fault(source: Source, error: Exception) -> str | None:
    """Return SQLite's error in one clause."""
    text = str(error).strip().partition("\n")[0] if isinstance(error, sqlite3.Error) else find_stream_error(error)
    return f"{source.uri} cannot be read ({text[:200]})" if text else None


def _connect(path: Path) -> sqlite3.Connection:
    # DuckDB's worker threads pull the batches, not always the same one.
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)


def _list_tables(database: sqlite3.Connection) -> list[str]:
    return [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]


def _read_batches(path: Path, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    count = 1_000
    try:
        with closing(_connect(path)) as database:
            cursor = database.execute(sql)
            while rows := cursor.fetchmany(count):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
                batch = pa.record_batch(arrays, schema=schema)
                count = max(1, min(BATCH_ROWS, len(rows) * BATCH_BYTES // max(batch.nbytes, 1)))
                yield batch
    except sqlite3.Error as error:
        # Not SQLite's own message, which contains the text.
        raise StreamError("a text is not UTF-8" if "decode" in str(error) else str(error)) from None
    except (pa.ArrowException, TypeError, OverflowError):
        raise StreamError("it was changed while it was read: run again") from None


def _column_type(database: sqlite3.Connection, table: str, name: str) -> tuple[Any, str]:
    """Return the Arrow type that holds every value of a column, and the SQL that selects it."""
    import pyarrow as pa

    column, kinds = quote_name(name), _value_types(database, table, name)
    if kinds == {"integer"}:
        return pa.int64(), column
    if kinds and kinds <= {"integer", "real"}:
        return pa.float64(), f"CAST({column} AS REAL)"
    if kinds == {"blob"}:
        return pa.binary(), column
    return pa.string(), f"CAST({column} AS TEXT)"


def _value_types(database: sqlite3.Connection, table: str, name: str) -> set[str]:
    column = quote_name(name)
    return {row[0] for row in database.execute(f"SELECT DISTINCT typeof({column}) FROM {quote_name(table)}")} - {"null"}


def _since_condition(database: sqlite3.Connection, table: str, since: Since) -> str:
    """Return the WHERE clause that skips older rows; "" where SQLite might compare differently than CapFlow."""
    value = since.value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and _value_types(database, table, since.column) <= {"integer", "real"}:
        return f" WHERE {quote_name(since.column)} >= {value!r}"
    return ""
