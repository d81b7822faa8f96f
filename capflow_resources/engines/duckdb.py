"""DuckDB in this process: the default engine, and the one that reads every source."""

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
# Larger dictionaries are built and then discarded on columns of ids: measured at a third of the CPU of a CSV load.
DICTIONARY_VALUES = 5_000


def connect(spill: Path | None = None) -> Backend:
    """Connect to a DuckDB with CAPFLOW_THREADS (default 2) and CAPFLOW_MEMORY (default 4GB).

    Beyond that memory it spills to a folder of its own under `spill` (spill_folder).
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
    """Return the path of a new spill folder in `parent` (default: in the system's temporary folder) for one connection.

    Two processes that share a folder, as by DuckDB's default in the working directory, overwrite each other's files.
    DuckDB creates the folder when it needs it and removes it at the end; folders in `parent` that killed processes of
    this machine left behind are removed here.
    """
    parent, machine = parent or Path(tempfile.gettempdir()) / "capflow-spill", socket.gethostname()
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        match = re.fullmatch(rf"{re.escape(machine)}\.(\d+)\.[0-9a-f]{{32}}", folder.name)
        if match and not is_alive(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)
    return str(parent / f"{machine}.{os.getpid()}.{uuid4().hex}")


def read_files(con: Backend, files: Sequence[str], reader: str = "read_parquet", **options: Any) -> ibis.Table:
    """Return files (paths or URIs) as a lazy table; `reader` is the DuckDB function that reads them, with `options`.

    Not by con.read_parquet or con.read_csv: for s3:// Ibis would install httpfs from the network unless the home folder
    holds a copy of it.
    """
    from ibis.util import gen_name

    name, arguments = gen_name("files"), "".join(f", {key} = {quote_literal(value)}" for key, value in options.items())
    con.raw_sql(f'CREATE TEMPORARY VIEW "{name}" AS SELECT * FROM {reader}({quote_literal(files)}{arguments})')
    return con.table(name)


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` into Parquet files in `folder` of `table` (a path or URI), streamed, on all threads."""
    con = data.get_backend()
    target = f"{table}/{folder}"
    if "://" not in target:
        Path(table).mkdir(parents=True, exist_ok=True)
    con._run_pre_execute_hooks(expr := storable(data))  # registers in-memory tables with DuckDB
    options = f"FILE_SIZE_BYTES '{FILE_BYTES}', DICTIONARY_SIZE_LIMIT {DICTIONARY_VALUES}, RETURN_STATS true"
    query = _cast_whole_numbers(con.compile(expr), expr)
    files = con.raw_sql(f"COPY ({query}) TO {quote_literal(target)} (FORMAT parquet, {options})").fetchall()
    return [WrittenFile(f"{folder}/{path.rpartition('/')[2]}", size, rows) for path, rows, size, *_ in files]


def _cast_whole_numbers(query: str, expr: ibis.Table) -> str:
    """Return the query with 64 bits for each whole number: DuckDB's sums have 128, which Parquet stores as doubles.

    Ibis believes that they have 64 bits and leaves a cast out.
    """
    names = [quote_name(name) for name, dtype in expr.schema().items() if dtype.is_int64()]
    casts = ", ".join(f"{name}::BIGINT AS {name}" for name in names)
    return f"SELECT * REPLACE ({casts}) FROM ({query})" if casts else query
