"""Record batches as a DuckDB table: read again by every query, and never held in memory as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

Batches = Callable[[], "Iterator[pa.RecordBatch]"]


class StreamError(Exception):
    """A fault of a source, in one clause, found while its batches are pulled."""


class ArrowStream:
    """An Arrow stream that can be opened repeatedly, through Arrow's PyCapsule interface, which DuckDB reads."""

    def __init__(self, schema: pa.Schema, batches: Batches) -> None:
        self.schema = schema
        self.batches = batches

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self.batches()).__arrow_c_stream__()


def stream_table(con: Backend, schema: pa.Schema, batches: Batches) -> ibis.Table:
    """Return a lazy table of `con` over the record batches of `schema` that `batches()` yields.

    `batches` is called once per query, in one of DuckDB's threads. It must raise StreamError only: DuckDB shows text
    and traceback of any other exception.
    """
    name = f"stream_{uuid4().hex}"
    con.con.register(name, ArrowStream(schema, batches))
    return con.table(name)


def find_stream_error(error: Exception) -> str | None:
    """Return the clause of the StreamError behind an engine's error; None for an error with another cause."""
    found = re.search(r"StreamError: (.+)", str(error))
    return found[1].strip() if found else None
