"""A collection of files (pictures, sound, texts): a folder with all its subfolders, or the files in a manifest."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

from capflow_resources.sources.files import roots
from capflow_resources.sources.files.file_store import FileStore, StoredFile
from capflow_resources.sources.files.stores import open_store
from partitions.customer import Customer, Source

THREADS = 8


@dataclass(frozen=True)
class Collection:
    """The files below a place, for one source of a customer. Nothing outside the customer's root is opened.

    `folder` is the uri of the place, without a trailing slash.
    """

    customer: Customer
    source: Source
    folder: str

    @cached_property
    def _store(self) -> FileStore:
        return open_store(self.customer, replace(self.source, uri=f"{self.folder}/"))

    def files(self) -> list[StoredFile]:
        """List all files except hidden ones. Raises SourceError, also for a link that leads outside."""
        self._check(self.folder)
        found = [file for file in self._store.find(f"{glob.escape(self.folder)}/**/*") if not self._is_hidden(file)]
        for file in found:
            self._check(file.place)
        return found

    def find(self, places: Iterable[str]) -> list[StoredFile]:
        """Find these files, by path below the folder or by uri; a missing one has no etag. Raises SourceError."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._find, places))

    def read(self, place: str) -> bytes:
        """Return the bytes of one file. Raises SourceError, also outside the root, or FileNotFoundError."""
        self._check(place)
        with closing(self._store.open(StoredFile(place, 0, ""))) as stream:
            return bytes(stream.read())

    def place(self, named: str) -> str:
        """Return the uri of a file that is named by its path below the folder, or by its uri."""
        return named if "://" in named or named.startswith("/") else f"{self.folder}/{named}"

    def path(self, place: str) -> str:
        """Return the path of a file below the folder; its whole uri if it is elsewhere within the root."""
        start, rest = _normalize(self.folder), _normalize(place)
        return rest.removeprefix(f"{start}/") if rest.startswith(f"{start}/") else place

    def holds(self, place: str) -> bool:
        """Return whether a uri is one of this collection's."""
        return _normalize(place).startswith(f"{_normalize(self.folder)}/")

    def _check(self, place: str) -> None:
        """Raise SourceError for a link or uri outside the customer's root, or outside the folder without a root."""
        roots.check_root(replace(self.customer, root=self.customer.root or self.folder), self.source, place)

    def _is_hidden(self, file: StoredFile) -> bool:
        return any(part.startswith(".") for part in self.path(file.place).split("/"))

    def _find(self, named: str) -> StoredFile:
        place = self.place(named)
        self._check(place)
        found = self._store.find(glob.escape(place))
        return found[0] if found else StoredFile(place, 0, "")


def open_collection(customer: Customer, source: Source, folder: str = "") -> Collection:
    """Return the collection in the folder that a source names, or in `folder`, relative to the customer file."""
    place = (folder or source.uri).rstrip("/")
    if roots.is_local(place):
        place = str(roots.local_path(customer, place).absolute())
    return Collection(customer, source, place)


def _normalize(place: str) -> str:
    """Return a uri in the one form that all stores share: memory://a, memory:///a."""
    return place.partition("://")[2].strip("/") if "://" in place else place
