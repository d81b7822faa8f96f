"""The files that a source's uri names: one path or URI, or a pattern with * and **."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files import roots
from capflow_resources.sources.files.file_store import FileStore, StoredFile
from capflow_resources.sources.files.stores import open_store
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


@dataclass(frozen=True)
class Files:
    """The files of one source, ordered by name, and the store that holds them."""

    store: FileStore
    files: Sequence[StoredFile]

    def names(self, con: Backend) -> list[str]:
        """Return DuckDB's names for the files, after `con` has been given access to them."""
        self.store.attach(con.con)
        return [self.store.duckdb_name(file) for file in self.files]

    def state(self) -> list[str]:
        """Return path, size and etag of every file."""
        return [f"{file.place}:{file.size}:{file.etag}" for file in self.files]

    def partitions(self) -> tuple[str, ...]:
        """Return the columns that folders named name=value give, if every file is in such folders of the same names."""
        each = {tuple(re.findall(r"(?:^|/)([^/=]+)=[^/]*(?=/)", unquote(file.place))) for file in self.files}
        return each.pop() if len(each) == 1 else ()


def list_files(customer: Customer, source: Source) -> Files:
    """List the files of a source; raises SourceError if there is none, or one outside the customer's root."""
    place = open_store(customer, source)
    roots.check_root(customer, source, roots.literal_folder(source.uri) or ".")
    files = place.find(source.uri)
    for file in files:
        roots.check_root(customer, source, file.place)
    if not files:
        where = roots.local_path(customer, source.uri) if roots.is_local(source.uri) else source.uri
        what = f"no file matches {where}" if set("*?[") & set(source.uri) else f"there is no file {where}"
        remedy = f"Correct sources.{source.name}.uri in {file_name(customer)}, or put the file there."
        raise source_error(customer, source, what, remedy)
    return Files(place, files)


def list_local_files(customer: Customer, source: Source) -> list[Path]:
    """List the files of a source that can only be read from a local disk; raises SourceError if there is none."""
    if not roots.is_local(source.uri):
        remedy = f"Copy it to a disk, and correct sources.{source.name}.uri in {file_name(customer)}."
        raise source_error(customer, source, f"a {source.kind} file can only be read from a disk", remedy)
    return [Path(file.place) for file in list_files(customer, source).files]


# The engine's messages when the file is at fault; other errors (memory, disk, a writer's) are not the source's.
_FAULTS = re.compile(
    "No magic bytes|decompress|thrift|TProtocol|parquet|arrow_scan"
    "|corrupt|Varint-|know what type|TType|Out of buffer|bit width",  # a Parquet file with other bytes in its middle
    re.I,
)
_ACCESS_FAULTS = {
    "HTTP 403|Permission denied": "may not be read (permission denied)",
    "HTTP 404|No files found|No such file|FileNotFoundError|Could not find": "is gone, though it was there before",
    "[Tt]ime(d )?out|Timeout was reached": "stopped coming: the store gave no answer in time",
    "ETag": "was replaced while it was read",
}


def file_fault(source: Source, error: Exception) -> str | None:
    """Return the engine's error about a file in one clause; None if the file is not to blame."""
    text = str(error)
    folder = re.sub(r"^(\.\.?/)+", "", roots.literal_folder(source.uri))
    if folder and (folder in text or re.search(r"capflow[0-9a-f]{12}://", text)):
        for signs, words in _ACCESS_FAULTS.items():
            if re.search(signs, text):
                return f"{_file_in_message(text) or source.uri} {words}"
    if not _FAULTS.search(text):
        return None
    return f"{source.uri} cannot be read ({text.strip().splitlines()[0][:200]})"


def _file_in_message(text: str) -> str:
    """Return the file that an error message names between quotes."""
    found = re.search(r"""["']((?:[a-z0-9]+:/)?/[^"'\n]+)["']""", text)
    return re.sub(r"capflow[0-9a-f]{12}://", "", found[1]) if found else ""


def file_state(paths: Iterable[Path]) -> list[str]:
    """Return path, size and modification time of each file."""
    facts = ((path, path.stat()) for path in paths)
    return [f"{path}:{fact.st_size}:{fact.st_mtime_ns}" for path, fact in facts]
