"""A table's Parquet files, written by Spark's executors: no row comes to this process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.errors import EngineError
from capflow_resources.engines.files import WrittenFile, storable

if TYPE_CHECKING:
    import ibis
    from pyspark.sql import DataFrame

FILE_ROWS = 20_000_000


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` into Parquet files in `folder` of the table at a path or URI.

    EngineError when the files that lie there afterwards do not hold all rows: the executors' disks are not ours.
    """
    con: Any = data.get_backend()
    frame, counted = _counted(con.frame(storable(data)))
    place = f"{table}/{folder}"
    writer = frame.write.option("maxRecordsPerFile", FILE_ROWS)
    try:
        writer.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").parquet(con.place(place))
    except Exception as error:
        raise _no_such_store(place, error) or error from None
    files = _written(place, folder)
    found, rows = sum(file.rows for file in files), counted.get["rows"]
    if found != rows:
        raise EngineError(
            f"Spark wrote {rows:,} rows and {found:,} of them lie in {table}: its workers do not share that disk. "
            "Set CAPFLOW_LAKE to a folder or bucket that every worker reaches"
        )
    return files


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


def _no_such_store(place: str, error: Exception) -> EngineError | None:
    if "No FileSystem for scheme" not in str(error) and "S3AFileSystem not found" not in str(error):
        return None
    scheme = place.partition("://")[0]
    return EngineError(
        f"this Spark has no access to {scheme}://: name Hadoop's package in engine.options, like "
        "spark.jars.packages: org.apache.hadoop:hadoop-aws:3.4.2, or set CAPFLOW_LAKE to a folder that workers share"
    )
