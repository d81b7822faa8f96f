"""PostgreSQL: tables and views, read by DuckDB in read-only transactions, large tables in parallel ranges of pages.

DuckDB copies only the mapped columns, in PostgreSQL's binary format. What it cannot copy exactly (`money`, and an id of
type `numeric` without a precision) PostgreSQL itself casts to text or decimals, in a single stream.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.quoting import quote_literal, quote_name
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.databases.address import (
    Address,
    parse_address,
    unknown_table_error,
)
from capflow_resources.sources.databases.attached import lazy_table
from capflow_resources.sources.duckdb_extension import load_extension
from capflow_resources.sources.errors import missing_columns_error, source_error
from capflow_resources.sources.options import timeout_seconds
from capflow_resources.sources.reader import Since, SourceTable
from partitions.canonical import NUMBER_COLUMNS
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from ibis.backends.duckdb import Backend

REMEDY = "Check the server and sources.{source}.uri in {file}, then run again."
SCHEMES = ("postgresql", "postgres")
KINDS_WITH_XMIN = ("r", "m", "p")  # tables, materialised views, partitioned tables: their rows carry xmin
FAULTS = {
    r"lock timeout": "a lock that another session holds on the table was not released in time",
    r"statement timeout|canceling statement": "the server cancelled the query",
    r"invalid byte sequence|no equivalent in encoding": "a text is not in the encoding of the database",
    r'(relation|column) "?[^"]*"? does not exist': "the table or a column of it was removed while it was read",
    r"out of buffer|binary reader|binary copy": "the table was changed while it was read",
    r"permission denied[^\n]*": "",
    r"terminating connection|server closed|no connection to the server|connection not open|SSL SYSCALL"
    r"|could not receive data|lost synchronization|fetch header for COPY: *$": "the server closed the connection",
}

TABLES = """SELECT n.nspname, c.relname, c.relkind::text, c.oid::bigint, n.nspname = ANY (current_schemas(false))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 5 DESC, 1, 2"""
COLUMNS = """SELECT attname, format_type(atttypid, atttypmod),
CASE WHEN typtype = 'd' THEN format_type(typbasetype, typtypmod) ELSE '' END
FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type t ON t.oid = atttypid
WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
# A transaction id can be cast to a number only through text, which costs as much as the scan itself. Most rows come
# from few loads, so each row adds only the difference between its transaction id and the first row's.
STATE = """WITH one AS MATERIALIZED (SELECT xmin AS first FROM {table} LIMIT 1)
SELECT count(*) FILTER (WHERE {nan}) AS spoilt, count(*) AS rows,
coalesce(count(*) * (SELECT first::text::bigint FROM one) + coalesce(sum(xmin::text::bigint
- (SELECT first::text::bigint FROM one)) FILTER (WHERE xmin <> (SELECT first FROM one)), 0), 0)::text AS written
FROM {table}"""


@dataclass(frozen=True)
class PostgresTable:
    """One table or view in PostgreSQL's catalogue."""

    schema: str
    name: str
    kind: str
    oid: int
    on_path: bool

    @property
    def full_name(self) -> str:
        """schema.table"""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The qualified name, quoted for SQL."""
        return f"{quote_name(self.schema)}.{quote_name(self.name)}"


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of one table or view, lazily; lists, records and JSON as JSON text.

    Options: `timeout_seconds` (30) for a connection and for locks.
    """
    attached = _attach(customer, source, con.con)
    table = _find_table(customer, source, mapping, con.con, attached)
    found = {name: (written, base) for name, written, base in _query(con.con, attached, COLUMNS.format(oid=table.oid))}
    wanted = source_columns(mapping) or tuple(found)
    if missing := missing_columns_error(customer, source, mapping.table, wanted, found):
        raise missing
    exact = {
        name: sql
        for name in wanted
        if (sql := _exact_sql(quote_name(name), *found[name], name in _non_number_columns(mapping)))
    }
    relation = f"{quote_name(attached)}.{table.sql}"
    if exact:
        chosen = ", ".join(f"{exact.get(name, quote_name(name))} AS {quote_name(name)}" for name in wanted)
        relation = _query_sql(attached, f"SELECT {chosen} FROM {table.sql}")
    return SourceTable(
        lazy_table(con, relation, wanted, since), {name: written for name, (written, _) in found.items()}
    )


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return the table's definition, its row count, and the sum of the transaction ids that last wrote each row.

    A new or changed row has a later transaction id than all before, so at the same row count the sum can only grow. The
    server counts; no rows are sent. None for views and foreign tables, whose rows have no transaction id, and if the
    server does not finish within `timeout_seconds`.
    """
    with closing(_connect_duckdb()) as con:
        attached = _attach(customer, source, con, statement_timeout=True)
        table = _find_table(customer, source, mapping, con, attached)
        if table.kind not in KINDS_WITH_XMIN:
            return None
        definition = _query(con, attached, COLUMNS.format(oid=table.oid))
        try:
            numbers, nan = _nan_condition(mapping, definition)
            spoilt, rows, written = _query(con, attached, STATE.format(table=table.sql, nan=nan))[0]
        except Exception as error:
            # A partition may be a foreign table, and another table access method may keep no transaction ids.
            if re.search(r"statement timeout|system column|xmin", str(error)):
                return None
            raise
        if spoilt:
            what = f"{spoilt} rows of {table.full_name} hold NaN in {' or '.join(numbers)}, which would be read as 0"
            raise source_error(customer, source, what, "Make them null at the source, or read a view that does.")
        return [table.full_name, str(table.oid), str(definition), str(rows), str(written)]


def tables(customer: Customer, source: Source) -> list[str]:
    """List the tables and views that `table:` may name, as schema.table; those on the search path first."""
    with closing(_connect_duckdb()) as con:
        return [table.full_name for table in _list_tables(con, _attach(customer, source, con))]


def fault(source: Source, error: Exception) -> str | None:
    """Return the error of the server or of libpq in one clause."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and "duckdb_extension" in text:
        return "DuckDB's PostgreSQL extension is missing: pip install duckdb-extension-postgres-scanner"
    if connecting := re.search(r"Unable to connect to Postgres at .*\": (.*)", text, re.S):
        return f"no connection: {_last_message(connecting[1])}"
    if not re.search(r"postgres|\bCOPY\b|libpq|\bserver closed the connection\b", text, re.I):
        return None
    for pattern, clause in FAULTS.items():
        if found := re.search(pattern, text, re.M):
            return clause or found[0]
    message = re.search(r"(?:ERROR|FATAL): +([^\n]+)", text)
    return f"the server says: {message[1]}" if message else "its answer was not understood"


def _attach(customer: Customer, source: Source, con: DuckDBPyConnection, statement_timeout: bool = False) -> str:
    """Attach the database to DuckDB, read-only; returns the name that it is attached under."""
    place, seconds = parse_address(customer, source, SCHEMES), timeout_seconds(customer, source)
    load_extension(con, "postgres_scanner")
    name = f"{customer.name}/{source.name}"
    # As parameters: the password must not be in a query's text, which is logged and shown in errors.
    login = {
        "host": ",".join(place.hosts),
        "port": ",".join(place.ports) if any(place.ports) else "",
        "user": place.user,
        "password": place.password,
        "dbname": place.path,
    }
    parameters = {key: value for key, value in login.items() if value.strip(",")}
    settings = "".join(f", {key} ${key}" for key in parameters)
    con.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quote_name(name)} (TYPE postgres{settings})", parameters)
    options = quote_literal(_libpq_options(place, seconds, statement_timeout))
    # Not OR REPLACE, which keeps a database attached with the same options, stale table metadata included.
    con.execute(f"DETACH DATABASE IF EXISTS {quote_name(name)}")
    con.execute(f"ATTACH {options} AS {quote_name(name)} (TYPE postgres, READ_ONLY, SECRET {quote_name(name)})")
    return name


def _libpq_options(place: Address, seconds: int, statement_timeout: bool) -> str:
    """Return libpq's connection string without the login; options in the customer file's uri override ours."""
    limits = f"-c lock_timeout={seconds}s" + (f" -c statement_timeout={seconds}s" if statement_timeout else "")
    settings = {
        "connect_timeout": str(max(seconds, 2)),  # libpq treats 1 as 2
        "application_name": "CapFlow",
        "client_encoding": "UTF8",  # the server validates and converts
        "options": limits,
        # Detect a lost host, however long the rows of a query take.
        "keepalives_idle": str(seconds),
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": str(seconds * 1000),
        **place.query,
    }
    escaped = {key: re.sub(r"([\\'])", r"\\\1", value) for key, value in settings.items()}
    # A key cannot be quoted: it may only be a word.
    return " ".join(f"{key}='{value}'" for key, value in escaped.items() if re.fullmatch(r"\w+", key))


def _find_table(
    customer: Customer, source: Source, mapping: TableMapping, con: DuckDBPyConnection, attached: str
) -> PostgresTable:
    name, tables = str(mapping.options.get("table", "")), _list_tables(con, attached)
    for table in tables:
        if name == table.full_name or (name == table.name and table.on_path):
            return table
    names = [*(table.name for table in tables if table.on_path), *(table.full_name for table in tables)]
    raise unknown_table_error(customer, source, mapping.table, name, names)


def _list_tables(con: DuckDBPyConnection, attached: str) -> list[PostgresTable]:
    return [PostgresTable(*row) for row in _query(con, attached, TABLES)]


def _query(con: DuckDBPyConnection, attached: str, sql: str) -> list[Any]:
    return con.execute(f"FROM {_query_sql(attached, sql)}").fetchall()


def _query_sql(attached: str, sql: str) -> str:
    return f"postgres_query({quote_literal(attached)}, {quote_literal(sql)})"


def _non_number_columns(mapping: TableMapping) -> set[str]:
    """Return the source columns that are not mapped to numbers: ids above all."""
    read = (column.columns for name, column in mapping.columns.items() if name not in NUMBER_COLUMNS)
    return {*mapping.attributes, *(name for names in read for name in names)}


def _exact_sql(column: str, written: str, base: str, is_text: bool) -> str | None:
    """Return PostgreSQL's own cast for a column that DuckDB would round or read as text; None for all others.

    DuckDB reads `numeric` without a precision, or of more than 38 digits, as double: exact enough for an amount, not
    for an id. `base` is the base type of a domain, "" for every other type.
    """
    if base:
        return _exact_sql(f"{column}::{base}", base, "", is_text) or f"{column}::{base}"
    if written == "money":
        return f"{column}::numeric(21, 4)"
    size = re.fullmatch(r"numeric(?:\((\d+),\d+\))?", written)
    if size and is_text and int(size[1] or 1000) > 38:
        return f"CASE WHEN {column} = trunc({column}) THEN trunc({column}) ELSE {column} END::text"
    return None


def _nan_condition(mapping: TableMapping, definition: list[Any]) -> tuple[list[str], str]:
    """Return the mapped columns whose NaN DuckDB's extension would read as 0, and the SQL that finds such rows."""
    mapped = set(source_columns(mapping))
    names = [name for name, written, _ in definition if name in mapped and written.startswith("numeric(")]
    return names, " OR ".join(f"{quote_name(name)} = 'NaN'" for name in names) or "false"


def _last_message(text: str) -> str:
    """Return libpq's last message, without the hints on the lines after it."""
    line = next((line for line in reversed(text.splitlines()) if line and not line.startswith(("\t", " "))), text)
    return line.split("FATAL:")[-1].strip()


def _connect_duckdb() -> DuckDBPyConnection:
    import duckdb

    return duckdb.connect(config={"threads": 1})
