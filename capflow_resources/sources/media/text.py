"""Texts in files as rows of `reviews`: a folder, a bucket or any fsspec place of .txt and .json files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.media.collection_rows import fault as fault
from capflow_resources.sources.media.collection_rows import read_collection, state_of_collection
from capflow_resources.sources.media.decoding import decode_texts
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

KINDS = ("text",)


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return one row for each text.

    Options: `pattern`, `encoding` (default utf-8), `text_field` (default text), and those of S3.
    Columns: text_id (its path, and #2 for the second of a file), uri, text, language, encoding, label (its folder),
    what `pattern` extracts from the path, corrupt, corrupt_reason; and the fields of JSON objects, as text.
    """
    encoding = str(source.options.get("encoding", "utf-8")).lower()
    try:
        "".encode(encoding)
    except LookupError:
        remedy = f"Correct sources.{source.name}.options.encoding in {file_name(customer)}."
        raise source_error(customer, source, f"there is no encoding '{encoding}'", remedy) from None
    decode = partial(_decode, encoding, str(source.options.get("text_field", "text")))
    return read_collection(customer, source, mapping, con, KINDS, decode, _facts())


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return a hash of all files' names, sizes and etags; None for a manifest, whose files may be anywhere."""
    return state_of_collection(customer, source, KINDS)


def _decode(encoding: str, field: str, path: str, data: bytes) -> list[dict[str, object]]:
    return decode_texts(path, data, encoding, field)


def _facts() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("text", pa.string()),
            ("language", pa.string()),
            ("encoding", pa.string()),
            ("fields", pa.string()),
            ("corrupt", pa.bool_()),
            ("corrupt_reason", pa.string()),
        ]
    )
