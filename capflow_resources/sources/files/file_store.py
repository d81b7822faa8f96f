"""The interface of a file store, and what is known of a file in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class StoredFile:
    """One file: its path or URI, its size in bytes, and an etag that changes whenever its bytes may have changed."""

    place: str
    size: int
    etag: str


class FileStore(Protocol):
    """The interface of a file store. Every call ends within the source's time limit."""

    def find(self, pattern: str) -> list[StoredFile]:
        """List the files that a path, URI or pattern matches, ordered by name."""

    def open(self, file: StoredFile) -> BinaryIO:
        """Open a file for reading bytes."""

    def tail(self, file: StoredFile, size: int) -> bytes:
        """Return the last `size` bytes of a file."""

    def attach(self, con: DuckDBPyConnection) -> None:
        """Give a DuckDB connection access to the files of this store."""

    def duckdb_name(self, file: StoredFile) -> str:
        """Return DuckDB's name for a file, with pattern characters escaped."""
