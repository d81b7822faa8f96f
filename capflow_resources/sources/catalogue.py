"""The kinds of source that can be read, and one way to read any of them."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from capflow_resources.lake import LakeError
from capflow_resources.sources import csv, parquet, sqlite
from capflow_resources.sources.columns import canonical, source_columns
from capflow_resources.sources.errors import SourceError, file_name, missing_columns, source_error
from partitions.customer import Customer, Source, TableMapping
from partitions.form import nearest

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend


class Kind(Protocol):
    """What the module of one kind of source offers."""

    def open(self, customer: Customer, source: Source, mapping: TableMapping, con: Backend) -> ibis.Table:
        """The source's rows with its own column names and types (at least the mapped columns), nothing dropped."""

    def state(self, customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
        """Facts that change whenever the source's rows may have changed, found without reading the rows."""


KINDS: Mapping[str, Kind] = {"csv": csv, "parquet": parquet, "sqlite": sqlite}

# What the engine says when the file is at fault; other errors (memory, disk, a writer's) are not the source's.
_SOURCE_FAULTS = re.compile(
    "CSV Error|CSV Parser|No magic bytes|decompress|thrift|TProtocol|parquet|arrow_scan"
    "|corrupt|Varint-|know what type|TType|Out of buffer|bit width",  # a Parquet file with other bytes in its middle
    re.I,
)
_CSV_FAULTS = {
    "unterminated quote": "has a quote that is never closed",
    "Invalid unicode": "is not in the encoding that the file is read with",
}
READ_VERSION = 1


def read(customer: Customer, table: TableMapping, con: Backend) -> ibis.Table:
    """One canonical table of a customer as its source holds it.

    A lazy table with the mapped columns under canonical names (attributes as attribute_<name>), the source's types,
    and every row. A fault in the middle of a file appears only when the rows are pulled: do that inside `reading`.
    Raises SourceError.
    """
    source = customer.sources[table.source]
    with reading(customer, table):
        try:
            opened = _kind(customer, source).open(customer, source, table, con)
        except (sqlite3.Error, OSError) as error:
            remedy = f"Check that sources.{source.name} in {file_name(customer)} names a file of kind {source.kind}."
            raise source_error(customer, source, f"{source.uri} cannot be read ({error})", remedy) from error
    if missing := missing_columns(customer, source, table.table, source_columns(table), opened.columns):
        raise missing
    return canonical(opened, table)


def fingerprint(customer: Customer, table: TableMapping) -> str:
    """A text that changes when `read` might give other rows: other files, sizes, times of change or mapping.

    Raises SourceError when the source is not there.
    """
    source = customer.sources[table.source]
    columns = {name: [list(column.columns), column.value] for name, column in table.columns.items()}
    facts = {
        "version": READ_VERSION,
        "source": asdict(source),
        "columns": columns,
        "attributes": list(table.attributes),
        "options": dict(table.options),
        "state": _kind(customer, source).state(customer, source, table),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


@contextmanager
def reading(customer: Customer, table: TableMapping) -> Iterator[None]:
    """Turn an engine's complaint about a file, on open or in the middle of it, into one line for the retailer."""
    source = customer.sources[table.source]
    try:
        yield
    except (SourceError, LakeError):
        raise
    except Exception as error:
        if not _SOURCE_FAULTS.search(str(error)):
            raise
        remedy = f"Send it again, whole, or correct it (or sources.{source.name}.options in {file_name(customer)})."
        raise source_error(customer, source, _fault(source, str(error)), remedy) from error


def _fault(source: Source, message: str) -> str:
    """The engine's long complaint in one clause, without the row's contents."""
    path = re.search(r"^\s*file = (.+)$", message, re.M)
    line = re.search(r"CSV Error on Line: (\d+)", message)
    place = (path[1].strip() if path else source.uri) + (f", line {line[1]}," if line else "")
    if count := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message):
        return f"{place} has {count[2]} values where the header has {count[1]}"
    for sign, words in _CSV_FAULTS.items():
        if sign in message:
            return f"{place} {words}"
    if "CSV" in message:
        return f"{place} is not well-formed CSV"
    return f"{place} cannot be read ({message.strip().splitlines()[0][:200]})"


def _kind(customer: Customer, source: Source) -> Kind:
    if source.kind not in KINDS:
        what = f"its kind '{source.kind}' is unknown{nearest(source.kind, KINDS)}"
        raise source_error(customer, source, what, f"Correct sources.{source.name}.kind in {file_name(customer)}.")
    return KINDS[source.kind]
