"""Where a customer's tables are computed: an Ibis connection that the rest of CapFlow does not tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.engines import duckdb
from capflow_resources.engines.errors import EngineError
from capflow_resources.engines.files import WrittenFile, storable
from partitions.customer import Customer

if TYPE_CHECKING:
    import ibis

__all__ = ["EngineError", "WrittenFile", "connect", "storable", "write_files"]


def connect(customer: Customer) -> ibis.BaseBackend:
    """The engine that a customer's tables are computed on; EngineError when it cannot be used here."""
    if customer.engine.kind == "duckdb":
        return duckdb.connect()
    raise EngineError(
        f"engine '{customer.engine.kind}' of '{customer.name}' is not available in this version: "
        f"set engine: duckdb in {customer.path}"
    )


def write_files(data: ibis.Table, table: str, folder: str) -> list[WrittenFile]:
    """Compute `data` on its own engine into Parquet files in `folder` of the table at a path or URI."""
    return duckdb.write_files(data, table, folder)
