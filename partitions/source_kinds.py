"""The kinds of source that a customer file may name, and the options that each one takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SourceKind:
    """What a customer file may say about one kind of source.

    `holds_tables`: one source holds several tables, so each canonical table names its own with `table:`.
    `holds_documents`: a row may hold a list, whose entries `explode:` turns into rows.
    `columns`: the columns that it has under CapFlow's own names, which need no mapping.
    """

    options: tuple[str, ...] = ()
    holds_tables: bool = False
    holds_documents: bool = False
    columns: tuple[str, ...] = ()


# Options of the stores where files lie: S3, and those that fsspec's packages accept.
_S3 = ("timeout_seconds", "region", "endpoint", "access_key_id", "secret_access_key", "session_token")
_STORE = (*_S3, "account_name", "account_key", "connection_string", "token", "username", "password")
_CSV = ("delimiter", "quote", "encoding", "decimal", "thousands", "null", "skip", "comment", "columns")

_MEDIA_COLUMNS = (
    *("media_id", "kind", "uri", "label", "bytes", "format", "width", "height"),
    *("duration_seconds", "sample_rate", "channels", "corrupt", "corrupt_reason"),
)

# capflow_resources.sources.catalogue has a reader for each kind. A customer file is checked without importing them,
# so what it may say is declared here; a test holds the names equal.
SOURCE_KINDS: Mapping[str, SourceKind] = {
    "csv": SourceKind((*_CSV, *_STORE)),
    "jsonl": SourceKind(("encoding", *_STORE)),
    "parquet": SourceKind(_STORE),
    "delta": SourceKind(_S3),
    "sqlite": SourceKind(holds_tables=True),
    "duckdb": SourceKind(holds_tables=True),
    "postgres": SourceKind(("timeout_seconds",), holds_tables=True),
    "mysql": SourceKind(("timeout_seconds",), holds_tables=True),
    "sql": SourceKind(("timeout_seconds",), holds_tables=True),
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
    "media": SourceKind(
        ("pattern", "uri_column", "folder", *_STORE),
        columns=_MEDIA_COLUMNS,
    ),
    "text": SourceKind(
        ("pattern", "uri_column", "folder", "encoding", "text_field", *_STORE),
        columns=("text", "language", "corrupt", "corrupt_reason"),
    ),
}
