"""Any other database that Ibis or ADBC supports, by its URL: Snowflake, BigQuery, SQL Server, Databricks SQL, ...

Only the mapped columns are queried, and rows are streamed. Every wait has a time limit, whatever the driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.databases.address import Address, parse_address, unknown_table_error
from capflow_resources.sources.databases.attached import lazy_table
from capflow_resources.sources.databases.sql_connections import (
    SCHEMES,
    UnknownTableError,
    connect,
    pip_package,
    storage_type,
)
from capflow_resources.sources.errors import SourceError, file_name, missing_columns_error, source_error
from capflow_resources.sources.options import timeout_seconds
from capflow_resources.sources.reader import Since, SourceTable
from capflow_resources.sources.stream import StreamError, find_stream_error, stream_table
from capflow_resources.sources.time_limit import NoAnswerError, iterate_with_timeout, run_with_timeout
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

REMEDY = "Check the database and sources.{source}.uri in {file}, then run again."


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of one table or view, streamed again by every query.

    Options: `timeout_seconds` (30) for a connection and for each batch of rows.
    """
    import pyarrow as pa

    place, seconds = parse_address(customer, source, SCHEMES), timeout_seconds(customer, source)
    table = str(mapping.options.get("table", ""))

    def fetch_columns() -> dict[str, tuple[str, pa.DataType]]:
        with closing(connect(place)) as connection:
            return connection.columns(table)

    try:
        found = run_with_timeout(seconds, fetch_columns)
    except UnknownTableError as error:
        raise unknown_table_error(customer, source, mapping.table, table, error.names) from None
    except Exception as error:
        raise _driver_error(customer, source, place, error) from None
    wanted = source_columns(mapping) or tuple(found)
    if missing := missing_columns_error(customer, source, mapping.table, wanted, found):
        raise missing
    schema = pa.schema([(name, found[name][1]) for name in wanted])

    def read() -> Iterator[pa.RecordBatch]:
        with closing(connect(place)) as connection:
            for batch in connection.batches(table, wanted, since):
                yield _to_storage_types(batch).cast(schema)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from iterate_with_timeout(seconds, read)
        except Exception as error:
            raise StreamError(_driver_message(customer, place, error)) from None

    rows = stream_table(con, schema, batches)
    return SourceTable(lazy_table(con, rows.get_name(), wanted), {name: words for name, (words, _) in found.items()})


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return None: databases have no common way to tell whether a table has changed."""
    parse_address(customer, source, SCHEMES)
    return None


def tables(customer: Customer, source: Source) -> list[str]:
    """List the tables and views that `table:` may name."""
    place = parse_address(customer, source, SCHEMES)

    def fetch_names() -> list[str]:
        with closing(connect(place)) as connection:
            return connection.tables()

    try:
        return run_with_timeout(timeout_seconds(customer, source), fetch_names)
    except Exception as error:
        raise _driver_error(customer, source, place, error) from None


def fault(source: Source, error: Exception) -> str | None:
    """Return the driver's error in one clause."""
    return find_stream_error(error)


def _driver_error(customer: Customer, source: Source, place: Address, error: Exception) -> SourceError:
    if isinstance(error, ImportError):
        remedy = f"Install it: pip install {pip_package(place)}."
        what = f"{place.scheme}:// needs the module '{error.name}', which is not installed"
        return source_error(customer, source, what, remedy)
    remedy = REMEDY.format(source=source.name, file=file_name(customer))
    return source_error(customer, source, _driver_message(customer, place, error), remedy)


def _driver_message(customer: Customer, place: Address, error: Exception) -> str:
    """Return the driver's message on one line, without the password that it may contain."""
    if isinstance(error, NoAnswerError):
        return str(error)
    text = customer.hide(" ".join(str(error).split()))
    text = text.replace(place.password, "***") if place.password else text
    return f"the driver says: {text[:300]}" if text else f"the driver failed ({type(error).__name__})"


def _to_storage_types(batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [
        column.cast(storage_type(column.type)) if storage_type(column.type) != column.type else column
        for column in batch
    ]
    return pa.record_batch(arrays, names=batch.schema.names)
