"""DuckDB in this process: the engine of a customer that one machine can hold, and the one that reads every source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_resources.engines.files import WrittenFile, storable

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

FILE_BYTES = "512MB"
# Larger dictionaries are built and then thrown away on columns of ids: measured at a third of the CPU of a CSV load.
DICTIONARY_VALUES = 5_000


def connect() -> Backend:
    """A DuckDB with CAPFLOW_THREADS (default 2) and CAPFLOW_MEMORY (default 4GB), which spills to disk beyond that."""
    import ibis

    connection = ibis.duckdb.connect(
        threads=int(os.environ.get("CAPFLOW_THREADS", "2")),
        memory_limit=os.environ.get("CAPFLOW_MEMORY", "4GB"),
    )
    connection.raw_sql("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET preserve_insertion_order = false")
    return connection


def read_files(con: Backend, files: Sequence[str]) -> ibis.Table:
    """Parquet files, by path or URI, as a lazy table.

    Not con.read_parquet: for s3:// Ibis installs httpfs from the network unless the home folder holds a copy of it.
    """
    from ibis.util import gen_name

    name, literals = gen_name("files"), ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    con.raw_sql(f'CREATE TEMPORARY VIEW "{name}" AS SELECT * FROM read_parquet([{literals}])')
    return con.table(name)


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` into Parquet files in `folder` of the table at a path or URI, streamed, on all threads."""
    con = data.get_backend()
    place = f"{table}/{folder}"
    if "://" not in place:
        Path(table).mkdir(parents=True, exist_ok=True)
    con._run_pre_execute_hooks(expr := storable(data))  # rows of memory tables are known to DuckDB only after this
    literal = place.replace("'", "''")
    options = f"FILE_SIZE_BYTES '{FILE_BYTES}', DICTIONARY_SIZE_LIMIT {DICTIONARY_VALUES}, RETURN_STATS true"
    written = con.raw_sql(f"COPY ({con.compile(expr)}) TO '{literal}' (FORMAT parquet, {options})").fetchall()
    return [WrittenFile(f"{folder}/{path.rpartition('/')[2]}", size, rows) for path, rows, size, *_ in written]
