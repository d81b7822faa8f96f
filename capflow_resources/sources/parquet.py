"""Parquet files: one or many, with their own column types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_resources.sources.files import fault as fault
from capflow_resources.sources.files import literally, matched
from capflow_resources.sources.files import state as state_of_files
from capflow_resources.sources.kind import Opened, Since
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


def open(customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None) -> Opened:
    """All rows of all files, lazily; a column that only some files have is null in the others."""
    rows = con.read_parquet(literally(matched(customer, source)), union_by_name=True)
    return Opened(rows, {name: str(dtype) for name, dtype in rows.schema().items()})


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """What changes when the files may have changed."""
    return state_of_files(matched(customer, source))
