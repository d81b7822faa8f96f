"""DuckDB databases: one file with several tables, opened read-only."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.quoting import quote_literal, quote_name
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.databases.address import unknown_table_error
from capflow_resources.sources.databases.attached import lazy_table
from capflow_resources.sources.databases.database_file import find_database_file, state_with_log
from capflow_resources.sources.errors import missing_columns_error
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from ibis.backends.duckdb import Backend

FAULTS = {
    "Could not set lock": "another program has the file open for writing",
    "newer version": "it was written by a newer DuckDB than this one",
    "not a valid DuckDB": "it is no DuckDB database",
    "handle conflict|different configuration": "this process has the file open already",
    "corrupt|checksum|Failed to load|deserialize|Serialization Error|read from file|read enough": "it is damaged",
}


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of one table, lazily; lists and records as JSON text.

    Views are not read: they could read other files than this one.
    """
    attached = _attach(customer, source, con.con)
    tables = _list_tables(con.con, attached)
    name = str(mapping.options.get("table", ""))
    if name not in tables:
        raise unknown_table_error(customer, source, mapping.table, name, list(tables))
    schema, table = tables[name]
    columns = dict(_list_columns(con.con, attached, schema, table))
    wanted = source_columns(mapping) or tuple(columns)
    if missing := missing_columns_error(customer, source, mapping.table, wanted, columns):
        raise missing
    relation = ".".join(map(quote_name, (attached, schema, table)))
    return SourceTable(lazy_table(con, relation, wanted, since), columns)


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return path, size and modification time of the file and of its write-ahead log."""
    return state_with_log(find_database_file(customer, source), ".wal")


def tables(customer: Customer, source: Source) -> list[str]:
    """List the tables of the database; those outside the schema main as schema.table."""
    import duckdb

    with closing(duckdb.connect(config={"threads": 1})) as con:
        return list(_list_tables(con, _attach(customer, source, con)))


def fault(source: Source, error: Exception) -> str | None:
    """Return DuckDB's error about the file in one clause."""
    for pattern, clause in FAULTS.items():
        if re.search(pattern, str(error)) and re.search("uckDB|[Ff]ile|Corrupt|Serialization", str(error)):
            return f"{Path(source.uri).name} cannot be read: {clause}"
    return None


def _attach(customer: Customer, source: Source, con: DuckDBPyConnection) -> str:
    path = find_database_file(customer, source)
    name = str(path.resolve())  # a file can be attached once only, whichever source names it
    con.execute(f"DETACH DATABASE IF EXISTS {quote_name(name)}")  # the file may be another one by now
    con.execute(f"ATTACH {quote_literal(str(path))} AS {quote_name(name)} (TYPE duckdb, READ_ONLY)")
    return name


def _list_tables(con: DuckDBPyConnection, attached: str) -> dict[str, tuple[str, str]]:
    """Return the schema and table behind each name that `table:` may hold."""
    rows: list[Any] = con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = $name AND NOT internal ORDER BY ALL",
        {"name": attached},
    ).fetchall()
    return {table if schema == "main" else f"{schema}.{table}": (schema, table) for schema, table in rows}


def _list_columns(con: DuckDBPyConnection, attached: str, schema: str, table: str) -> list[Any]:
    return con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = $name AND schema_name = $schema AND table_name = $table ORDER BY column_index",
        {"name": attached, "schema": schema, "table": table},
    ).fetchall()
