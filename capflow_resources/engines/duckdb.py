"""DuckDB in this process: the engine of a customer that one machine can hold, and the one that reads every source."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from capflow_resources.engines.files import WrittenFile, storable
from capflow_resources.engines.quoting import quote_literal, quote_name
from capflow_resources.processes import is_alive

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

FILE_BYTES = "512MB"
# Larger dictionaries are built and then thrown away on columns of ids: measured at a third of the CPU of a CSV load.
DICTIONARY_VALUES = 5_000


def connect(spill: Path | None = None) -> Backend:
    """A DuckDB with CAPFLOW_THREADS (default 2) and CAPFLOW_MEMORY (default 4GB), which spills to disk beyond that.

    What it spills lies in a folder of its own under `spill` (spill_folder).
    """
    import ibis

    connection = ibis.duckdb.connect(
        threads=int(os.environ.get("CAPFLOW_THREADS", "2")),
        memory_limit=os.environ.get("CAPFLOW_MEMORY", "4GB"),
        temp_directory=spill_folder(spill),
    )
    connection.raw_sql("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET preserve_insertion_order = false")
    return connection


def spill_folder(parent: Path | None = None) -> str:
    """Return a new folder's path in `parent` (default: in the system's temporary folder) for what exceeds the memory.

    One for each connection: two processes that share a folder, as by DuckDB's default in the working directory,
    overwrite each other's files. DuckDB makes it when it needs it, and removes it at the end. Remove here what killed
    processes of this machine left in `parent`.
    """
    parent, machine = parent or Path(tempfile.gettempdir()) / "capflow-spill", socket.gethostname()
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        match = re.fullmatch(rf"{re.escape(machine)}\.(\d+)\.[0-9a-f]{{32}}", folder.name)
        if match and not is_alive(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)
    return str(parent / f"{machine}.{os.getpid()}.{uuid4().hex}")


def read_files(con: Backend, files: Sequence[str], reader: str = "read_parquet", **options: Any) -> ibis.Table:
    """Files, by path or URI, as a lazy table; `reader` is the DuckDB function that reads them, with its `options`.

    Not con.read_parquet or con.read_csv: for s3:// Ibis installs httpfs from the network unless the home folder holds
    a copy of it.
    """
    from ibis.util import gen_name

    name, given = gen_name("files"), "".join(f", {key} = {quote_literal(value)}" for key, value in options.items())
    con.raw_sql(f'CREATE TEMPORARY VIEW "{name}" AS SELECT * FROM {reader}({quote_literal(files)}{given})')
    return con.table(name)


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` into Parquet files in `folder` of the table at a path or URI, streamed, on all threads."""
    con = data.get_backend()
    place = f"{table}/{folder}"
    if "://" not in place:
        Path(table).mkdir(parents=True, exist_ok=True)
    con._run_pre_execute_hooks(expr := storable(data))  # rows of memory tables are known to DuckDB only after this
    options = f"FILE_SIZE_BYTES '{FILE_BYTES}', DICTIONARY_SIZE_LIMIT {DICTIONARY_VALUES}, RETURN_STATS true"
    query = _with_whole_numbers(con.compile(expr), expr)
    written = con.raw_sql(f"COPY ({query}) TO {quote_literal(place)} (FORMAT parquet, {options})").fetchall()
    return [WrittenFile(f"{folder}/{path.rpartition('/')[2]}", size, rows) for path, rows, size, *_ in written]


def _with_whole_numbers(query: str, expr: ibis.Table) -> str:
    """The query with 64 bits for each whole number: DuckDB's sums have 128, which Parquet would hold as doubles.

    Ibis takes them for 64 bits and leaves out a cast of its own.
    """
    names = [quote_name(name) for name, dtype in expr.schema().items() if dtype.is_int64()]
    casts = ", ".join(f"{name}::BIGINT AS {name}" for name in names)
    return f"SELECT * REPLACE ({casts}) FROM ({query})" if casts else query
