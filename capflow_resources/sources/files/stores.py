"""File stores: this machine, S3, or any store that fsspec supports, listed and opened through one interface."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files.file_store import FileStore, StoredFile
from capflow_resources.sources.files.roots import is_local, local_path
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class LocalStore:
    """Files on this machine, by path or pattern; a relative one starts at the folder of the customer file."""

    def __init__(self, customer: Customer, source: Source) -> None:
        self.customer, self.source = customer, source

    def find(self, pattern: str) -> list[StoredFile]:
        """List the files, folders left out; raises SourceError for a lone folder and for an unreadable file."""
        place = local_path(self.customer, pattern)
        if place.is_dir():
            what = f"{place} is a folder; name its files, like {place}/*.{self.source.kind}"
            raise source_error(self.customer, self.source, what, self._correct_uri())
        # Path.glob takes no absolute pattern.
        names = [str(place)] if place.is_file() else sorted(glob.glob(str(place), recursive=True))  # noqa: PTH207
        paths = [path for path in map(Path, names) if path.is_file()]
        for path in paths:
            if not os.access(path, os.R_OK, effective_ids=True):
                remedy = "Let the account that CapFlow runs under read it."
                raise source_error(self.customer, self.source, f"{path} may not be read (permission denied)", remedy)
        facts = ((path, path.stat()) for path in paths)
        return [StoredFile(str(path), fact.st_size, str(fact.st_mtime_ns)) for path, fact in facts]

    def open(self, file: StoredFile) -> BinaryIO:
        return Path(file.place).open("rb")

    def tail(self, file: StoredFile, size: int) -> bytes:
        with Path(file.place).open("rb") as stream:
            stream.seek(max(file.size - size, 0))
            return stream.read(size)

    def attach(self, con: DuckDBPyConnection) -> None:
        """Do nothing: DuckDB reads local files."""

    def duckdb_name(self, file: StoredFile) -> str:
        return glob.escape(file.place)

    def _correct_uri(self) -> str:
        return f"Correct sources.{self.source.name}.uri in {file_name(self.customer)}."


def open_store(customer: Customer, source: Source) -> FileStore:
    """Return the store that holds a source's files; raises SourceError if it is not reachable from here."""
    from capflow_resources.sources.files import fsspec_store, s3_store

    if is_local(source.uri):
        return LocalStore(customer, source)
    if source.uri.startswith(("s3://", "s3a://")):
        return s3_store.S3FileStore(customer, source)
    return fsspec_store.FsspecStore(customer, source)
