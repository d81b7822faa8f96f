"""The files that a source's uri names: one path or URI, or a pattern with * and **."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files import roots
from capflow_resources.sources.files.stores import FileStore, StoredFile, open_store
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


@dataclass(frozen=True)
class Files:
    """The files of one source, in the order of their names, and the store that they are in."""

    store: FileStore
    files: Sequence[StoredFile]

    def names(self, con: Backend) -> list[str]:
        """How DuckDB calls the files, once `con` can read them."""
        self.store.attach(con.con)
        return [self.store.name_in_duckdb(file) for file in self.files]

    def state(self) -> list[str]:
        """What changes when the bytes of these files may have changed."""
        return [f"{file.place}:{file.size}:{file.mark}" for file in self.files]

    def partitions(self) -> tuple[str, ...]:
        """The columns that folders called name=value give, when every file is in such folders of the same names."""
        each = {tuple(re.findall(r"(?:^|/)([^/=]+)=[^/]*(?=/)", unquote(file.place))) for file in self.files}
        return each.pop() if len(each) == 1 else ()


def list_files(customer: Customer, source: Source) -> Files:
    """The files of a source; SourceError when there is none, or one that is outside of the customer's root."""
    place = open_store(customer, source)
    roots.check_root(customer, source, roots.literal_folder(source.uri) or ".")
    files = place.found(source.uri)
    for file in files:
        roots.check_root(customer, source, file.place)
    if not files:
        where = roots.local_path(customer, source.uri) if roots.is_local(source.uri) else source.uri
        what = f"no file matches {where}" if set("*?[") & set(source.uri) else f"there is no file {where}"
        remedy = f"Correct sources.{source.name}.uri in {file_name(customer)}, or put the file there."
        raise source_error(customer, source, what, remedy)
    return Files(place, files)


def list_local_files(customer: Customer, source: Source) -> list[Path]:
    """The files of a source that can only be read from a disk; SourceError when it has none, or is elsewhere."""
    if not roots.is_local(source.uri):
        remedy = f"Copy it to a disk, and correct sources.{source.name}.uri in {file_name(customer)}."
        raise source_error(customer, source, f"a {source.kind} file can only be read from a disk", remedy)
    return [Path(file.place) for file in list_files(customer, source).files]


# What the engine says when the file is at fault; other errors (memory, disk, a writer's) are not the source's.
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
    """The engine's complaint about a file in one clause; None when the file is not to blame."""
    text = str(error)
    folder = re.sub(r"^(\.\.?/)+", "", roots.literal_folder(source.uri))
    if folder and (folder in text or re.search(r"capflow[0-9a-f]{12}://", text)):
        for signs, words in _ACCESS_FAULTS.items():
            if re.search(signs, text):
                return f"{_quoted_file(text) or source.uri} {words}"
    if not _FAULTS.search(text):
        return None
    return f"{source.uri} cannot be read ({text.strip().splitlines()[0][:200]})"


def _quoted_file(text: str) -> str:
    """The file that an error names between quotes."""
    found = re.search(r"""["']((?:[a-z0-9]+:/)?/[^"'\n]+)["']""", text)
    return re.sub(r"capflow[0-9a-f]{12}://", "", found[1]) if found else ""


def escape_patterns(paths: Iterable[Path]) -> list[str]:
    """Paths for an engine that would take * and [ in a file's name for a pattern."""
    return [glob.escape(str(path)) for path in paths]


def file_state(paths: Iterable[Path]) -> list[str]:
    """What changes when the bytes of these files may have changed: name, size and time of the last change."""
    facts = ((path, path.stat()) for path in paths)
    return [f"{path}:{fact.st_size}:{fact.st_mtime_ns}" for path, fact in facts]
