"""The kinds of source that can be read, and one way to read any of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from capflow_resources.lake import LakeError
from capflow_resources.sources.columns import source_columns, to_canonical
from capflow_resources.sources.databases import duckdb_file, mysql, postgres, sql, sqlite
from capflow_resources.sources.documents import couchdb, dynamodb, mongodb, redis
from capflow_resources.sources.errors import (
    SourceError,
    file_name,
    missing_columns_error,
    refuse_case_duplicates,
    source_error,
)
from capflow_resources.sources.files import csv, delta, jsonl, parquet
from capflow_resources.sources.media import media, text
from capflow_resources.sources.reader import Since, SourceReader, SourceTable
from partitions.customer import Customer, Source, TableMapping
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

KINDS: Mapping[str, SourceReader] = {
    "csv": csv,
    "jsonl": jsonl,
    "parquet": parquet,
    "delta": delta,
    "sqlite": sqlite,
    "duckdb": duckdb_file,
    "postgres": postgres,
    "mysql": mysql,
    "sql": sql,
    "mongodb": mongodb,
    "dynamodb": dynamodb,
    "couchdb": couchdb,
    "redis": redis,
    "media": media,
    "text": text,
}

READ_VERSION = 2
REMEDY = "Send it again, whole, or correct it (or sources.{source}.options in {file})."


def open_table(customer: Customer, table: TableMapping, con: Backend, since: Since | None = None) -> SourceTable:
    """One table's source as it is: its rows (with `since`, only those from then on) and all of its columns.

    Raises SourceError, also for a mapped column that is not there.
    """
    source = customer.sources[table.source]
    refuse_case_duplicates(customer, source, table.table, source_columns(table))
    with explain_errors(customer, table):
        opened = _kind(customer, source).open(customer, source, table, con, since)
    if missing := missing_columns_error(customer, source, table.table, source_columns(table), opened.rows.columns):
        raise missing
    if since is None:
        return opened
    return SourceTable(opened.rows.filter(opened.rows[since.column] >= since.value), opened.columns)


def read(customer: Customer, table: TableMapping, con: Backend) -> ibis.Table:
    """One canonical table of a customer as its source holds it.

    A lazy table with the mapped columns under canonical names (attributes as attribute_<name>), the source's types,
    and every row. A fault in the middle of a file appears only when the rows are pulled: do that inside `reading`.
    Raises SourceError.
    """
    return to_canonical(open_table(customer, table, con).rows, table)


def refuse_empty(customer: Customer, table: TableMapping, rows: ibis.Table) -> None:
    """SourceError for a table without any rows: an export that failed looks just so. `allow_empty: true` takes it."""
    if table.options.get("allow_empty"):
        return
    con = rows.get_backend()
    if con.raw_sql(con.compile(rows.limit(1))).fetchone() is None:  # rows.execute() would import pandas
        source = customer.sources[table.source]
        remedy = f"Send its rows, or set tables.{table.table}.allow_empty: true in {file_name(customer)}."
        raise source_error(customer, source, f"there is no row for {table.table}", remedy)


def fingerprint(customer: Customer, table: TableMapping) -> str | None:
    """A text that changes when `read` might give other rows: other files, sizes, times of change or mapping.

    None when the source cannot tell without being read. Raises SourceError when the source is not there.
    """
    source = customer.sources[table.source]
    with explain_errors(customer, table):
        state = _kind(customer, source).state(customer, source, table)
    return None if state is None else _hash(customer, {**_settings_facts(customer, table), "state": state})


def settings_hash(customer: Customer, table: TableMapping) -> str:
    """A text that changes when a table is read from another place, or in another way: all of it must be read again."""
    return _hash(customer, _settings_facts(customer, table))


def _settings_facts(customer: Customer, table: TableMapping) -> dict[str, object]:
    source = customer.sources[table.source]
    return {
        "version": READ_VERSION,
        "source": asdict(source),
        "place": _hash_address(source.uri),
        "columns": {name: [list(column.columns), column.value] for name, column in table.columns.items()},
        "attributes": list(table.attributes),
        "options": dict(table.options),
        "incremental": asdict(table.incremental) if table.incremental else None,
    }


def _hash_address(uri: str) -> str:
    """A hash of server and path without user and password: a variable that hides them must not hide a move."""
    if "://" not in uri and ";" in uri:  # a list of settings, with a password among them
        return ""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    shown = f"{parts.netloc.rpartition('@')[2]}{parts.path.rpartition('@')[2]}"
    return hashlib.sha256(shown.encode()).hexdigest()


def _hash(customer: Customer, facts: Mapping[str, object]) -> str:
    # Without the secrets: a hash of a short password could be guessed back.
    return hashlib.sha256(customer.hide(json.dumps(facts, sort_keys=True, default=str)).encode()).hexdigest()


@contextmanager
def explain_errors(customer: Customer, table: TableMapping) -> Iterator[None]:
    """Turn a complaint about a source, on open or in the middle of its rows, into one line for the retailer."""
    source = customer.sources[table.source]
    try:
        yield
    except (SourceError, LakeError):
        raise
    except Exception as error:
        fault = _kind(customer, source).fault(source, error)
        if fault is None:
            raise
        remedy = getattr(_kind(customer, source), "REMEDY", REMEDY).format(source=source.name, file=file_name(customer))
        # Without its cause, whose text may hold the source's password.
        raise source_error(customer, source, fault, remedy) from None


def _kind(customer: Customer, source: Source) -> SourceReader:
    if source.kind not in KINDS:
        what = f"its kind '{source.kind}' is unknown{did_you_mean(source.kind, KINDS)}"
        raise source_error(customer, source, what, f"Correct sources.{source.name}.kind in {file_name(customer)}.")
    return KINDS[source.kind]
