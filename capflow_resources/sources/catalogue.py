"""The kinds of source that can be read, each in a module that is imported when it is used, and one way to read any."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from traceback import walk_tb
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from capflow_resources.lake import LakeError
from capflow_resources.sources.columns import source_columns, to_canonical
from capflow_resources.sources.errors import (
    SourceError,
    file_name,
    missing_columns_error,
    refuse_case_duplicates,
    source_error,
)
from capflow_resources.sources.reader import Since, SourceReader, SourceTable
from partitions.customer import Customer, Source, TableMapping
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

KINDS: Mapping[str, str] = {
    "csv": "files.csv",
    "jsonl": "files.jsonl",
    "parquet": "files.parquet",
    "delta": "files.delta",
    "sqlite": "databases.sqlite",
    "duckdb": "databases.duckdb_file",
    "postgres": "databases.postgres",
    "mysql": "databases.mysql",
    "sql": "databases.sql",
    "mongodb": "documents.mongodb",
    "dynamodb": "documents.dynamodb",
    "couchdb": "documents.couchdb",
    "redis": "documents.redis",
    "media": "media.media",
    "text": "media.text",
}
"""The module of each kind of source, below this package."""

REQUIRED_FUNCTIONS = ("open", "state", "fault")
READ_VERSION = 2
"""Incremented when the same source would give other rows: every table is then read again."""

REMEDY = "Send it again, whole, or correct it (or sources.{source}.options in {file})."
INSTALL = "Install what kind {kind} needs, or reinstall CapFlow with its extras."
RELOAD = "Reinstall CapFlow, or use another kind of source; other kinds are not affected."


def open_table(customer: Customer, table: TableMapping, con: Backend, since: Since | None = None) -> SourceTable:
    """Return one table as its source holds it: the rows (with `since`, only those from then on) and all columns.

    Raises SourceError, also for a mapped column that the source lacks.
    """
    source = customer.sources[table.source]
    refuse_case_duplicates(customer, source, table.table, source_columns(table))
    with explain_errors(customer, table):
        opened = load_reader(customer, source).open(customer, source, table, con, since)
    if missing := missing_columns_error(customer, source, table.table, source_columns(table), opened.rows.columns):
        raise missing
    if since is None:
        return opened
    return SourceTable(opened.rows.filter(opened.rows[since.column] >= since.value), opened.columns)


def read(customer: Customer, table: TableMapping, con: Backend) -> ibis.Table:
    """Return a canonical table of a customer as its source holds it.

    The table is lazy and has every row, the mapped columns under canonical names (attributes as attribute_<name>) and
    the source's types. A fault in the middle of a file is raised only when the rows are pulled: do that inside
    `explain_errors`. Raises SourceError.
    """
    return to_canonical(open_table(customer, table, con).rows, table)


def refuse_empty(customer: Customer, table: TableMapping, rows: ibis.Table) -> None:
    """Raise SourceError for a table without rows, as a failed export gives, unless it has `allow_empty: true`."""
    if table.options.get("allow_empty"):
        return
    con = rows.get_backend()
    if con.raw_sql(con.compile(rows.limit(1))).fetchone() is None:  # rows.execute() would import pandas
        source = customer.sources[table.source]
        remedy = f"Send its rows, or set tables.{table.table}.allow_empty: true in {file_name(customer)}."
        raise source_error(customer, source, f"there is no row for {table.table}", remedy)


def fingerprint(customer: Customer, table: TableMapping) -> str | None:
    """Return a hash that changes when `read` might give other rows: other files, sizes, modification times or mapping.

    None if the source has to be read to know. Raises SourceError if the source is not there.
    """
    source = customer.sources[table.source]
    with explain_errors(customer, table):
        state = load_reader(customer, source).state(customer, source, table)
    return None if state is None else _hash(customer, {**_settings_facts(customer, table), "state": state})


def settings_hash(customer: Customer, table: TableMapping) -> str:
    """Return a hash that changes when a table is read from another place or in another way: it must be read again."""
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
    """Return a hash of server and path without the login: a variable that hides the uri must not hide a move."""
    if "://" not in uri and ";" in uri:  # a list of settings, with a password among them
        return ""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    location = f"{parts.netloc.rpartition('@')[2]}{parts.path.rpartition('@')[2]}"
    return hashlib.sha256(location.encode()).hexdigest()


def _hash(customer: Customer, facts: Mapping[str, object]) -> str:
    # Without the secrets: a hash of a short password could be guessed back.
    return hashlib.sha256(customer.hide(json.dumps(facts, sort_keys=True, default=str)).encode()).hexdigest()


@contextmanager
def explain_errors(customer: Customer, table: TableMapping) -> Iterator[None]:
    """Turn an error of a source, on open or in the middle of its rows, into a SourceError of one line for the retailer.

    A library that the kind of source needs and lacks is named. Errors that are not the source's (a full disk) pass
    unchanged.
    """
    source = customer.sources[table.source]
    try:
        yield
    except (SourceError, LakeError):
        raise
    except Exception as error:
        reader = load_reader(customer, source)
        remedy = getattr(reader, "REMEDY", REMEDY)
        fault = reader.fault(source, error)
        if fault is None and isinstance(error, ImportError) and _is_raised_in(reader, error):
            fault, remedy = f"kind '{source.kind}' needs {error.name or error}, which is not installed", INSTALL
        if fault is None:
            raise
        # Without its cause, whose text may hold the source's password.
        raise source_error(
            customer, source, fault, remedy.format(source=source.name, file=file_name(customer), kind=source.kind)
        ) from None


def _is_raised_in(reader: SourceReader, error: Exception) -> bool:
    return any(frame.f_globals is vars(reader) for frame, _ in walk_tb(error.__traceback__))


def load_reader(customer: Customer, source: Source) -> SourceReader:
    """Import the module that reads the kind of a source.

    Raises SourceError, in one line that names the kind, if it is unknown or its module cannot be imported.
    """
    if source.kind not in KINDS:
        what = f"its kind '{source.kind}' is unknown{did_you_mean(source.kind, KINDS)}"
        raise source_error(customer, source, what, f"Correct sources.{source.name}.kind in {file_name(customer)}.")
    try:
        module = importlib.import_module(kind_module(source.kind))
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise source_error(customer, source, f"kind '{source.kind}' cannot be loaded ({reason})", RELOAD) from None
    if missing := [name for name in REQUIRED_FUNCTIONS if not callable(getattr(module, name, None))]:
        reason = f"{module.__name__} has no {' and no '.join(missing)}"
        raise source_error(customer, source, f"kind '{source.kind}' cannot be used ({reason})", RELOAD)
    return cast("SourceReader", module)


def kind_module(kind: str) -> str:
    """Return the dotted name of the module that reads a kind of source, without importing it."""
    return f"{__package__}.{KINDS[kind]}"
