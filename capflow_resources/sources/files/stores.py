"""Where files lie: on this machine, on S3, or on any store that fsspec reaches; listed and opened in one way."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files.roots import is_local, local_path
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class StoredFile:
    """One file: its path or URI, its size in bytes, and a mark that changes whenever its bytes may have changed."""

    place: str
    size: int
    mark: str


class FileStore(Protocol):
    """What a kind of store offers. Every call ends within the source's time limit."""

    def found(self, pattern: str) -> list[StoredFile]:
        """The files that a path, a URI or a pattern names, in the order of their names."""

    def opened(self, file: StoredFile) -> BinaryIO:
        """The bytes of a file, from its beginning."""

    def tail(self, file: StoredFile, size: int) -> bytes:
        """The last `size` bytes of a file."""

    def attach(self, con: DuckDBPyConnection) -> None:
        """Let DuckDB read the files of this store."""

    def name_in_duckdb(self, file: StoredFile) -> str:
        """How DuckDB calls a file; no sign in it is taken for a pattern."""


class LocalStore:
    """Files by path or pattern; a relative one starts at the folder of the customer file."""

    def __init__(self, customer: Customer, source: Source) -> None:
        self.customer, self.source = customer, source

    def found(self, pattern: str) -> list[StoredFile]:
        """The files, and neither folders nor anything that lies outside of the root; SourceError for one unreadable."""
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

    def opened(self, file: StoredFile) -> BinaryIO:
        return Path(file.place).open("rb")

    def tail(self, file: StoredFile, size: int) -> bytes:
        with Path(file.place).open("rb") as stream:
            stream.seek(max(file.size - size, 0))
            return stream.read(size)

    def attach(self, con: DuckDBPyConnection) -> None:
        """Nothing to do: DuckDB reads local files."""

    def name_in_duckdb(self, file: StoredFile) -> str:
        return glob.escape(file.place)

    def _correct_uri(self) -> str:
        return f"Correct sources.{self.source.name}.uri in {file_name(self.customer)}."


def open_store(customer: Customer, source: Source) -> FileStore:
    """The store that a source's uri is on; SourceError when it cannot be reached from here."""
    from capflow_resources.sources.files import fsspec_store, s3_store

    if is_local(source.uri):
        return LocalStore(customer, source)
    if source.uri.startswith(("s3://", "s3a://")):
        return s3_store.S3FileStore(customer, source)
    return fsspec_store.FsspecStore(customer, source)
