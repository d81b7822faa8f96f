"""The engines that compute a customer's tables, behind one Ibis connection: DuckDB, Spark and Databricks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.engines import databricks, duckdb, spark, spark_files
from capflow_resources.engines.errors import EngineError
from capflow_resources.engines.files import WrittenFile, storable
from capflow_resources.engines.spark import StartSession, start_session
from partitions.customer import Customer

if TYPE_CHECKING:
    from pathlib import Path

    import ibis

__all__ = ["EngineError", "StartSession", "WrittenFile", "connect", "start_session", "storable", "write_files"]


def connect(customer: Customer, start: StartSession = start_session, spill: Path | None = None) -> ibis.BaseBackend:
    """Return the connection that computes a customer's tables; raises EngineError when it cannot be used here.

    `start` makes a Spark session from settings (in a run, Dagster's resource does). `spill` is DuckDB's folder for what
    exceeds the memory.
    """
    if customer.engine.kind == "spark":
        return spark.connect(customer, start)
    if customer.engine.kind == "databricks":
        return spark.connect_databricks(databricks.open_session(customer))
    return duckdb.connect(spill)


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` on its own engine into Parquet files in `folder` of `table` (a path or URI), and return them."""
    writer = duckdb if data.get_backend().name == "duckdb" else spark_files
    return writer.write_files(data, table, folder)
