"""Where files lie: on this machine, on S3, or on any store that fsspec reaches; listed and opened in one way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from capflow_resources.sources.files.roots import is_local
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


def open_store(customer: Customer, source: Source) -> FileStore:
    """The store that a source's uri is on; SourceError when it cannot be reached from here."""
    from capflow_resources.sources.files import fsspec_store, local_store, s3_store

    if is_local(source.uri):
        return local_store.LocalStore(customer, source)
    if source.uri.startswith(("s3://", "s3a://")):
        return s3_store.S3FileStore(customer, source)
    return fsspec_store.FsspecStore(customer, source)
