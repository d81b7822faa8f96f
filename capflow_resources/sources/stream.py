"""Rows that come in batches, handed to DuckDB as a table: read anew each time it is asked, and never held whole."""

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
    """What is wrong with a source, in one clause, found while its batches are pulled."""


class ArrowStream:
    """An Arrow stream that can be opened again and again (Arrow's PyCapsule interface, which DuckDB reads)."""

    def __init__(self, schema: pa.Schema, batches: Batches) -> None:
        self.schema = schema
        self.batches = batches

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self.batches()).__arrow_c_stream__()


def stream_table(con: Backend, schema: pa.Schema, batches: Batches) -> ibis.Table:
    """A lazy table of `con` whose rows are what `batches()` yields, in batches of `schema`.

    `batches` is called once for each reading, in a thread of DuckDB's. What goes wrong in it is raised as StreamError:
    of any other exception, DuckDB would show its text and traceback.
    """
    name = f"stream_{uuid4().hex}"
    con.con.register(name, ArrowStream(schema, batches))
    return con.table(name)


def find_stream_error(error: Exception) -> str | None:
    """The clause of a StreamError, found in the error of whoever pulled the rows; None when it was another error."""
    found = re.search(r"StreamError: (.+)", str(error))
    return found[1].strip() if found else None
