"""The single file that a source of kind sqlite or duckdb names."""

from __future__ import annotations

from pathlib import Path

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files.listing import file_state, list_local_files
from partitions.customer import Customer, Source


def find_database_file(customer: Customer, source: Source) -> Path:
    """Return the file; raises SourceError if there is none, or if the uri matches several."""
    paths = list_local_files(customer, source)
    if len(paths) > 1:
        remedy = f"Name one of them in sources.{source.name}.uri of {file_name(customer)}."
        raise source_error(customer, source, f"{len(paths)} databases match {source.uri}", remedy)
    return paths[0]


def state_with_log(path: Path, suffix: str) -> list[str]:
    """Return path, size and modification time of a database file and of its write-ahead log."""
    log = path.with_name(path.name + suffix)
    return file_state([path, log] if log.exists() else [path])
