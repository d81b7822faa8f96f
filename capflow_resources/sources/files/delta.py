"""Delta tables, on this machine or on S3: the latest version, with its own column types."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from capflow_resources.engines.quoting import quote_literal
from capflow_resources.sources.duckdb_extension import load_extension
from capflow_resources.sources.errors import SourceError, file_name, source_error
from capflow_resources.sources.files import roots
from capflow_resources.sources.files.listing import file_fault
from capflow_resources.sources.files.s3_store import S3FileStore
from capflow_resources.sources.options import timeout_seconds
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from ibis.backends.duckdb import Backend


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return all rows of the latest version, lazily, partition columns included."""
    table = _open_delta_table(customer, source)
    _refuse_outside_paths(customer, source, table)
    if not roots.is_local(source.uri):
        S3FileStore(customer, source).attach(con.con)
    try:
        load_extension(con.con, "delta")
    except ModuleNotFoundError:
        remedy = "Install it: pip install 'capflow[delta]'."
        raise source_error(customer, source, "DuckDB's delta extension is not installed", remedy) from None
    rows = con.sql(
        f"SELECT * FROM delta_scan({quote_literal(_location(customer, source))}, version = {table.version()})"
    )
    return SourceTable(rows, {name: str(dtype) for name, dtype in rows.schema().items()})


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return the table's id and its latest version."""
    table = _open_delta_table(customer, source)
    return [str(table.metadata().id), str(table.version())]


def fault(source: Source, error: Exception) -> str | None:
    """Return DuckDB's error about a table's log or files in one clause."""
    text = str(error)
    if not re.search("[Dd]elta", text):
        return file_fault(source, error)
    if re.search("Unsupported|not supported|feature", text, re.I):
        return f"{source.uri} needs a Delta feature that cannot be read here ({text.splitlines()[0][:200]})"
    return f"{source.uri} cannot be read ({text.splitlines()[0][:200]})"


def _open_delta_table(customer: Customer, source: Source) -> DeltaTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    options = None
    if not roots.is_local(source.uri):
        if not source.uri.startswith(("s3://", "s3a://")):
            remedy = f"Correct sources.{source.name}.uri in {file_name(customer)}."
            raise source_error(customer, source, "a delta table is read from a disk or from s3://", remedy)
        options = S3FileStore(customer, source).access.storage_options()
    timeout_seconds(customer, source)
    roots.check_root(customer, source, source.uri)
    try:
        return DeltaTable(_location(customer, source), storage_options=options)
    except TableNotFoundError:
        remedy = f"Correct sources.{source.name}.uri in {file_name(customer)}: it is the folder that holds _delta_log."
        raise source_error(customer, source, f"there is no Delta table {_location(customer, source)}", remedy) from None
    except (DeltaError, OSError, ValueError) as error:
        raise _unreadable_error(customer, source, error) from None


def _unreadable_error(customer: Customer, source: Source, error: Exception) -> SourceError:
    text = str(error)
    if roots.is_local(source.uri):
        remedy = f"Repair the table, or correct sources.{source.name}.uri in {file_name(customer)}."
        return source_error(customer, source, f"{source.uri} cannot be read ({text.splitlines()[0][:200]})", remedy)
    return S3FileStore(customer, source).translate_error(text)


def _location(customer: Customer, source: Source) -> str:
    return str(roots.local_path(customer, source.uri)) if roots.is_local(source.uri) else source.uri


def _refuse_outside_paths(customer: Customer, source: Source, table: DeltaTable) -> None:
    """Raise SourceError if the table's log names files outside its root.

    A log may name files anywhere: above its folder, or by an absolute path or URI.
    """
    import pyarrow as pa

    folder = _location(customer, source)
    within = customer if customer.root else replace(customer, root=folder)
    for path in pa.table(table.get_add_actions()).column("path").to_pylist():
        named = unquote(path)
        is_whole = named.startswith("/") or "://" in named
        roots.check_root(within, source, named if is_whole else f"{folder}/{named}")
