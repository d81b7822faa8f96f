"""The kinds of source that a customer file may name, and the options that each one takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceKind:
    """What a customer file may say about one kind of source.

    `holds_tables`: one source holds several tables, so each canonical table names its own with `table:`.
    `holds_documents`: a row may hold a list, whose entries `explode:` turns into rows.
    """

    options: tuple[str, ...] = ()
    holds_tables: bool = False
    holds_documents: bool = False


# capflow_resources.sources reads these kinds; a test holds both equal.
SOURCE_KINDS: Mapping[str, SourceKind] = {
    "csv": SourceKind(options=("delimiter", "encoding", "quote")),
    "parquet": SourceKind(),
    "sqlite": SourceKind(holds_tables=True),
    "mongodb": SourceKind(("page_size", "timeout_seconds"), holds_tables=True, holds_documents=True),
    "dynamodb": SourceKind(
        (
            "access_key_id",
            "secret_access_key",
            "session_token",
            "endpoint",
            "consistent",
            "segments",
            "page_size",
            "timeout_seconds",
        ),
        holds_tables=True,
        holds_documents=True,
    ),
    "couchdb": SourceKind(("page_size", "timeout_seconds"), holds_tables=True, holds_documents=True),
    "redis": SourceKind(("page_size", "timeout_seconds"), holds_tables=True),
}
