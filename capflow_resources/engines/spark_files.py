"""A table's Parquet files, written by Spark's executors: no row comes to this process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import EngineError, in_one_line
from capflow_resources.engines.files import WrittenFile, storable

if TYPE_CHECKING:
    import ibis
    from pyspark.sql import DataFrame

FILE_ROWS = 20_000_000


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` into Parquet files in `folder` of the table at a path or URI.

    EngineError when the files that lie there afterwards do not hold all rows: the executors' disks are not ours.
    """
    place = f"{table}/{folder}"
    rows = sum(_write(part, place) for part in _parts(data))
    files = _written(place, folder)
    found = sum(file.rows for file in files)
    if found != rows:
        raise EngineError(
            f"Spark wrote {rows:,} rows, and {found:,} of them lie in the lake: its workers do not share that disk. "
            "Set CAPFLOW_LAKE to a folder or bucket that every worker reaches"
        )
    return files


def _parts(data: ibis.Table) -> list[ibis.Table]:
    """The members of a union, to be written one after the other.

    Features of seven dates in one plan take Spark's driver long to think over, and many times the memory.
    """
    from ibis.expr.operations import Union

    union = data.op()
    if not isinstance(union, Union) or union.distinct:
        return [data]
    return [*_parts(union.left.to_expr()), *_parts(union.right.to_expr())]


def _write(part: ibis.Table, place: str) -> int:
    """Add the part's files to a folder; how many rows the executors have written."""
    con: Any = part.get_backend()
    frame, counted = _counted(con.frame(storable(part)))
    writer = frame.write.mode("append").option("maxRecordsPerFile", FILE_ROWS)
    with in_one_line(place):
        writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").parquet(con.place(place))
    return int(counted.get["rows"])


def _counted(frame: DataFrame) -> tuple[DataFrame, Any]:
    """The same rows, counted while they are written."""
    package = "pyspark.sql.connect" if type(frame).__module__.startswith("pyspark.sql.connect") else "pyspark.sql"
    functions = import_module(f"{package}.functions")
    counted = import_module(f"{package}.observation").Observation()
    return frame.observe(counted, functions.count(functions.lit(1)).alias("rows")), counted


def _written(place: str, folder: str) -> list[WrittenFile]:
    import pyarrow.fs as pafs
    from pyarrow.parquet import read_metadata

    store, root = pafs.FileSystem.from_uri(place)
    if "://" not in place:
        for checksum in Path(place).glob(".*.crc"):  # Hadoop's own, which nobody reads again
            checksum.unlink()
    found = store.get_file_info(pafs.FileSelector(root, allow_not_found=True))
    return [
        WrittenFile(f"{folder}/{file.base_name}", file.size, read_metadata(file.path, filesystem=store).num_rows)
        for file in found
        if file.extension == "parquet"
    ]
