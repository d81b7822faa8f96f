"""Where a customer's tables are computed: an Ibis connection that the rest of CapFlow does not tell apart."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from partitions.customer import Customer

if TYPE_CHECKING:
    import ibis


class EngineError(Exception):
    """The engine that a customer asks for cannot be used here."""


def connect(customer: Customer) -> ibis.BaseBackend:
    """An engine for one customer's run.

    DuckDB takes CAPFLOW_THREADS (default 2) and CAPFLOW_MEMORY (default 4GB) and spills to disk beyond that.
    """
    if customer.engine.kind != "duckdb":
        raise EngineError(
            f"engine '{customer.engine.kind}' of '{customer.name}' is not available in this version: "
            f"set engine: duckdb in {customer.path}"
        )
    import ibis

    connection = ibis.duckdb.connect(
        threads=int(os.environ.get("CAPFLOW_THREADS", "2")),
        memory_limit=os.environ.get("CAPFLOW_MEMORY", "4GB"),
    )
    connection.raw_sql("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET preserve_insertion_order = false")
    return connection
