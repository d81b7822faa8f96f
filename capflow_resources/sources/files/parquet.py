"""Parquet files: one or many, with their own column types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.engines.duckdb import read_files
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.files.listing import file_fault, list_files
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return all rows of all files, lazily; a column that only some files have is null in the others.

    Folders named name=value give a column, as text, where the files have none of that name.
    """
    files = list_files(customer, source)
    names = files.names(con)
    rows = read_files(con, names, union_by_name=True, hive_partitioning=False)
    columns = {name: str(dtype) for name, dtype in rows.schema().items()}
    partitions = [name for name in files.partitions() if name not in columns]
    if set(partitions) & set(source_columns(mapping)):
        rows = read_files(con, names, union_by_name=True, hive_partitioning=True, hive_types_autocast=False)
    return SourceTable(rows, {**columns, **dict.fromkeys(partitions, "text")})


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return path, size and etag of every file."""
    return list_files(customer, source).state()


def fault(source: Source, error: Exception) -> str | None:
    """Return the engine's complaint about a Parquet file in one clause."""
    return file_fault(source, error)
