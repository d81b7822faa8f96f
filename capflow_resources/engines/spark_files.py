"""Writes a table's Parquet files on Spark's executors: no row comes to this process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import EngineError, raise_in_one_line
from capflow_resources.engines.files import WrittenFile, storable

if TYPE_CHECKING:
    import ibis
    from pyspark.sql import DataFrame

FILE_ROWS = 20_000_000


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` into Parquet files in `folder` of `table` (a path or URI), and return them.

    Raises EngineError if the files there do not hold all rows: the executors write to disks of their own.
    """
    place = f"{table}/{folder}"
    rows = sum(_write(part, place) for part in _parts(data))
    files = _list_files(place, folder)
    rows_in_lake = sum(file.rows for file in files)
    if rows_in_lake != rows:
        raise EngineError(
            f"Spark wrote {rows:,} rows, but only {rows_in_lake:,} are in the lake: workers do not share that disk. "
            "Set CAPFLOW_LAKE to a folder or bucket that every worker reaches"
        )
    return files


def _parts(data: ibis.Table) -> list[ibis.Table]:
    """Return the members of a union, to be written one after the other.

    In one plan, features of seven dates take Spark's driver long to plan, and several times the memory.
    """
    from ibis.expr.operations import Union

    union = data.op()
    if not isinstance(union, Union) or union.distinct:
        return [data]
    return [*_parts(union.left.to_expr()), *_parts(union.right.to_expr())]


def _write(part: ibis.Table, place: str) -> int:
    """Add the part's files to a folder; return how many rows the executors have written."""
    con: Any = part.get_backend()
    frame, observation = _observe_rows(con.frame(storable(part)))
    writer = frame.write.mode("append").option("maxRecordsPerFile", FILE_ROWS)
    with raise_in_one_line(place):
        writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").parquet(con.place(place))
    return int(observation.get["rows"])


def _observe_rows(frame: DataFrame) -> tuple[DataFrame, Any]:
    """Return the frame and an observation of its "rows", which counts them while they are written."""
    package = "pyspark.sql.connect" if type(frame).__module__.startswith("pyspark.sql.connect") else "pyspark.sql"
    functions = import_module(f"{package}.functions")
    observation = import_module(f"{package}.observation").Observation()
    return frame.observe(observation, functions.count(functions.lit(1)).alias("rows")), observation


def _list_files(place: str, folder: str) -> list[WrittenFile]:
    import pyarrow.fs as pafs
    from pyarrow.parquet import read_metadata

    store, root = pafs.FileSystem.from_uri(place)
    if "://" not in place:
        for checksum in Path(place).glob(".*.crc"):  # Hadoop's own, which nobody reads
            checksum.unlink()
    files = store.get_file_info(pafs.FileSelector(root, allow_not_found=True))
    return [
        WrittenFile(f"{folder}/{file.base_name}", file.size, read_metadata(file.path, filesystem=store).num_rows)
        for file in files
        if file.extension == "parquet"
    ]
