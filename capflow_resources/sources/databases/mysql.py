"""MySQL and MariaDB: tables and views, streamed in batches within one read-only transaction.

Read by PyMySQL, in pure Python. DuckDB's MySQL extension is about three times as fast but has no time limits: a server
that stops answering would block a run for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.databases.address import parse_address, unknown_table_error
from capflow_resources.sources.databases.mysql_types import MySqlColumn, describe_column, quote_mysql_name, record_batch
from capflow_resources.sources.errors import SourceError, file_name, missing_columns_error, source_error
from capflow_resources.sources.options import timeout_seconds
from capflow_resources.sources.reader import Since, SourceTable
from capflow_resources.sources.stream import StreamError, find_stream_error, stream_table
from partitions.customer import Customer, Source, TableMapping
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend
    from pymysql.connections import Connection

REMEDY = "Check the server and sources.{source}.uri in {file}, then run again."
SCHEMES = ("mysql", "mariadb")
FIRST_ROWS, BATCH_ROWS = 1_000, 20_000
BATCH_BYTES = 32 * 2**20
MAX_CHECKSUM_BYTES = 2 * 2**30
SSL_FILES = ("ssl_ca", "ssl_cert", "ssl_key")
SSL = (*SSL_FILES, "ssl_verify_cert", "ssl_verify_identity", "ssl_disabled")
FAULTS = {
    1044: "the user may not read this database",
    1045: "user or password are wrong",
    1049: "there is no such database",
    1142: "the user may not read this table",
    1143: "the user may not read every mapped column",
    1205: "a lock that another session holds on the table was not released in time",
    1146: "the table was removed while it was read",
    1054: "a column was removed while the table was read",
    1412: "the table was changed while it was read",
    1317: "the server cancelled the query",
    1969: "the server cancelled the query",
    3024: "the server cancelled the query",
    2006: "the server closed the connection",
    2013: "the server closed the connection, or did not answer in time",
}
NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "year", "decimal", "float", "double")
SYSTEM = ("mysql", "information_schema", "performance_schema", "sys")
COLUMNS = """SELECT column_name, data_type, column_type, numeric_precision, numeric_scale
FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"""
TABLE = """SELECT table_type, coalesce(data_length, 0) FROM information_schema.tables
WHERE table_schema = %s AND table_name = %s"""


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of one table or view, streamed again by every query.

    Options: `timeout_seconds` (30) for a connection, for each answer and for locks.
    """
    import pyarrow as pa

    with closing(_connect(customer, source)) as database:
        schema, table = _find_table(customer, source, mapping, database)
        found = {row[0]: row for row in _query(database, COLUMNS, (schema, table))}
    wanted = source_columns(mapping) or tuple(found)
    if missing := missing_columns_error(customer, source, mapping.table, wanted, found):
        raise missing
    columns = [describe_column(*found[name]) for name in wanted]
    sql = f"SELECT {', '.join(one.sql for one in columns)} FROM {quote_mysql_name(schema)}.{quote_mysql_name(table)}"
    if since and (bound := _since_bound(since, describe_column(*found[since.column]))):
        sql += f" WHERE {quote_mysql_name(since.column)} >= {bound}"
    fields = pa.schema([(one.name, one.type) for one in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        return _read_batches(customer, source, sql, columns, fields)

    return SourceTable(stream_table(con, fields, batches), {name: str(row[2]) for name, row in found.items()})


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return the table's definition and the server's checksum of its rows.

    None for views, and for tables over 2 GiB, whose checksum would take the server too long.
    """
    with closing(_connect(customer, source)) as database:
        schema, table = _find_table(customer, source, mapping, database)
        kind, size = _query(database, TABLE, (schema, table))[0]
        if kind != "BASE TABLE" or int(size) > MAX_CHECKSUM_BYTES:
            return None
        definition = _query(database, COLUMNS, (schema, table))
        checksum = _query(database, f"CHECKSUM TABLE {quote_mysql_name(schema)}.{quote_mysql_name(table)}")[0][1]
        return None if checksum is None else [f"{schema}.{table}", str(definition), str(checksum)]


def tables(customer: Customer, source: Source) -> list[str]:
    """List the tables and views that `table:` may name; those of another database than the uri's as database.table."""
    with closing(_connect(customer, source)) as database:
        return list(_list_tables(database))


def fault(source: Source, error: Exception) -> str | None:
    """Return the error of the server or the connection in one clause."""
    if clause := find_stream_error(error):
        return clause
    if isinstance(error, ModuleNotFoundError) and error.name == "pymysql":
        return "the driver PyMySQL is missing: pip install 'capflow[mysql]'"
    if type(error).__module__.partition(".")[0] != "pymysql":
        return None
    return _error_clause(error)


def _connect(customer: Customer, source: Source) -> Connection[Any]:
    import pymysql
    from pymysql.converters import encoders
    from pymysql.cursors import SSCursor

    place, seconds = parse_address(customer, source, SCHEMES), timeout_seconds(customer, source)
    if unknown := next((key for key in place.query if key not in SSL), None):
        what = f"its uri has the option '{unknown}'{did_you_mean(unknown, SSL)}"
        raise source_error(customer, source, what, f"Correct sources.{source.name}.uri in {file_name(customer)}.")
    settings: dict[str, Any] = {
        "host": place.hosts[0] or "localhost",
        "port": int(place.ports[0] or 3306),
        "user": place.user,
        "password": place.password.encode(),
        "database": place.path or None,
        "charset": "utf8mb4",
        "connect_timeout": seconds,
        "read_timeout": seconds + 2,  # so that a lock timeout is reported first
        "write_timeout": seconds,
        "conv": dict(encoders),  # values stay the text that the server sends: Arrow parses it faster
        "program_name": "CapFlow",
    }
    # Without any of these options, TLS is used where the server offers it.
    secure: dict[str, Any] = {key: value if key in SSL_FILES else value == "true" for key, value in place.query.items()}
    database = pymysql.connect(cursorclass=SSCursor, **settings, **secure)
    cursor = database.cursor()
    # So that `timestamp` values come in UTC.
    cursor.execute("SET time_zone = '+00:00', lock_wait_timeout = %s, innodb_lock_wait_timeout = %s", [seconds] * 2)
    cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    return database


def _query(database: Connection[Any], sql: str, values: Any = None) -> list[Any]:
    with closing(database.cursor()) as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _read_batches(
    customer: Customer, source: Source, sql: str, columns: list[MySqlColumn], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query in batches limited by rows and by bytes."""
    import pymysql

    try:
        with closing(_connect(customer, source)) as database:
            cursor = database.cursor()
            cursor.execute(sql)
            try:
                yield from _fetch_batches(cursor, columns, schema)
            finally:
                _abandon_cursor(cursor)
    except pymysql.MySQLError as error:
        raise StreamError(_error_clause(error)) from None
    except UnicodeDecodeError:
        raise StreamError("a text is not in the encoding of its column") from None
    except SourceError as error:
        raise StreamError(str(error)) from None


def _fetch_batches(cursor: Any, columns: list[MySqlColumn], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    count = FIRST_ROWS
    while rows := cursor.fetchmany(count):
        batch = record_batch(rows, columns, schema)
        count = max(1, min(BATCH_ROWS, len(rows) * BATCH_BYTES // max(batch.nbytes, 1)))
        yield batch


def _abandon_cursor(cursor: Any) -> None:
    """Drop the remaining rows: closing or collecting the cursor would first fetch all of them."""
    if cursor._result is not None:
        cursor._result.unbuffered_active = False
    cursor.connection = None


def _list_tables(database: Connection[Any]) -> dict[str, tuple[str, str]]:
    """Return the database and table behind each name that `table:` may hold."""
    home = _query(database, "SELECT database()")[0][0]
    rows = _query(database, "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2")
    own = [(schema, table) for schema, table in rows if schema.lower() not in SYSTEM]
    return {table if schema == home else f"{schema}.{table}": (schema, table) for schema, table in own}


def _find_table(
    customer: Customer, source: Source, mapping: TableMapping, database: Connection[Any]
) -> tuple[str, str]:
    asked, tables = str(mapping.options.get("table", "")), _list_tables(database)
    home = _query(database, "SELECT database()")[0][0]
    name = asked.removeprefix(f"{home}.") if asked not in tables else asked
    if name not in tables:
        raise unknown_table_error(customer, source, mapping.table, asked, list(tables))
    return tables[name]


def _since_bound(since: Since, column: MySqlColumn) -> str | None:
    """Return the lower bound in SQL; None where MySQL might compare differently than CapFlow does."""
    value = since.value
    if isinstance(value, datetime):
        if column.kind == "timestamp" and value.tzinfo is not None:
            return f"'{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')}'"
        if column.kind == "datetime" and value.tzinfo is None:
            return f"'{value.isoformat(' ')}'"
        return f"'{value.date().isoformat()}'" if column.kind == "date" else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(value) if is_number and column.kind in NUMBERS else None


def _error_clause(error: Exception) -> str:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number == 2003:
        return f"no connection: {str(error.args[1]).rstrip(')').split('(')[-1]}"
    text = error.args[1] if len(error.args) > 1 else str(error)
    return FAULTS.get(number, f"the server says: {' '.join(str(text).split())[:200]}")
