"""Pictures and sound as rows of `media`: a folder, a bucket, any fsspec place, or a manifest that lists them.

Every file is decoded once, for its facts and to find out whether it is corrupt; its bytes stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.sources.media.collection_rows import fault as fault
from capflow_resources.sources.media.collection_rows import read_collection, read_medium
from capflow_resources.sources.media.collection_rows import state_of_collection as state_of_collection
from capflow_resources.sources.media.decoding import Facts, decode_medium, medium_kind
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

KINDS = ("image", "audio")


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return one row for each picture or recording; options: `pattern`, `uri_column`, `folder`, and those of S3.

    Columns: media_id (its path), kind, uri, label (its folder), what `pattern` extracts from the path, bytes, width,
    height, format, duration_seconds, sample_rate, channels, corrupt, corrupt_reason; and those of a manifest.
    """
    return read_collection(customer, source, mapping, con, KINDS, _decode, _facts())


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return a hash of all files' names, sizes and etags; None for a manifest, whose files may be anywhere."""
    return state_of_collection(customer, source, KINDS)


def open_bytes(customer: Customer, uri: str) -> bytes:
    """Return the bytes of one picture or recording by the `uri` of its row.

    Only what is in one of the customer's own collections is opened. Raises SourceError.
    """
    return read_medium(customer, uri, ("media", "text"))


def _decode(path: str, data: bytes) -> list[Facts]:
    facts = decode_medium(path, data)
    return [{"kind": medium_kind(path), **facts}]


def _facts() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("kind", pa.string()),
            ("width", pa.int64()),
            ("height", pa.int64()),
            ("format", pa.string()),
            ("duration_seconds", pa.float64()),
            ("sample_rate", pa.int64()),
            ("channels", pa.int64()),
            ("corrupt", pa.bool_()),
            ("corrupt_reason", pa.string()),
        ]
    )
