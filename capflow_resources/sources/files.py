"""The files that a source's uri names: one path, or a pattern with * and **."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from capflow_resources.sources.errors import file_name, source_error
from partitions.customer import Customer, Source


def matched(customer: Customer, source: Source) -> list[Path]:
    """The files that `source` names, in the order of their names; SourceError when there is none.

    A relative uri starts at the folder of the customer file.
    """
    remedy = f"Correct sources.{source.name}.uri in {file_name(customer)}, or put the file there."
    if "://" in source.uri:
        raise source_error(customer, source, f"'{source.uri.split('://')[0]}://' cannot be read yet", remedy)
    base = customer.path.parent if customer.path else Path()
    place = base / source.uri
    if place.is_dir():
        raise source_error(customer, source, f"{place} is a folder; name its files, like {place}/*.csv", remedy)
    # Path.glob takes no absolute pattern.
    paths = [place] if place.is_file() else sorted(map(Path, glob.glob(str(place), recursive=True)))  # noqa: PTH207
    files = [path for path in paths if path.is_file()]
    if not files:
        what = f"no file matches {place}" if set("*?[") & set(source.uri) else f"there is no file {place}"
        raise source_error(customer, source, what, remedy)
    return files


# What the engine says when the file is at fault; other errors (memory, disk, a writer's) are not the source's.
_FAULTS = re.compile(
    "No magic bytes|decompress|thrift|TProtocol|parquet|arrow_scan"
    "|corrupt|Varint-|know what type|TType|Out of buffer|bit width",  # a Parquet file with other bytes in its middle
    re.I,
)


def fault(source: Source, error: Exception) -> str | None:
    """The engine's complaint about a file in one clause; None when the file is not to blame."""
    if not _FAULTS.search(str(error)):
        return None
    return f"{source.uri} cannot be read ({str(error).strip().splitlines()[0][:200]})"


def literally(paths: Iterable[Path]) -> list[str]:
    """Paths for an engine that would take * and [ in a file's name for a pattern."""
    return [glob.escape(str(path)) for path in paths]


def state(paths: Iterable[Path]) -> list[str]:
    """What changes when the bytes of these files may have changed: name, size and time of the last change."""
    facts = ((path, path.stat()) for path in paths)
    return [f"{path}:{fact.st_size}:{fact.st_mtime_ns}" for path, fact in facts]
