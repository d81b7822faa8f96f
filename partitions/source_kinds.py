"""The kinds of source that a customer file may name, and the options that each one takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceKind:
    """What a customer file may say about one kind of source.

    `holds_tables`: one source holds several tables, so each canonical table names its own with `table:`.
    """

    options: tuple[str, ...] = ()
    holds_tables: bool = False


# capflow_resources.sources reads these kinds; a test holds both equal.
SOURCE_KINDS: Mapping[str, SourceKind] = {
    "csv": SourceKind(options=("delimiter", "encoding", "quote")),
    "parquet": SourceKind(),
    "sqlite": SourceKind(holds_tables=True),
}
