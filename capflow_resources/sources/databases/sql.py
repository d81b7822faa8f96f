"""Any other database that Ibis or ADBC reaches, by its URL: Snowflake, BigQuery, SQL Server, Databricks SQL, ...

The database is asked for the mapped columns only, and rows are streamed. Every wait has a limit, whatever the driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.databases.address import Address, address, no_table, timeout
from capflow_resources.sources.databases.attached import lazy_table
from capflow_resources.sources.databases.sql_doors import SCHEMES, UnknownTableError, door, package, plain
from capflow_resources.sources.errors import SourceError, file_name, missing_columns, source_error
from capflow_resources.sources.kind import Opened, Since
from capflow_resources.sources.patience import NoAnswerError, iter_within, within
from capflow_resources.sources.stream import StreamError, stream_fault, streamed
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

REMEDY = "Check the database and sources.{source}.uri in {file}, then run again."


def open(customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None) -> Opened:
    """The mapped columns of one table or view, streamed each time they are asked for.

    Options: `timeout_seconds` (30) for a connection and for each batch of rows.
    """
    import pyarrow as pa

    place, seconds = address(customer, source, SCHEMES), timeout(customer, source)
    table = str(mapping.options.get("table", ""))

    def look() -> dict[str, tuple[str, pa.DataType]]:
        with closing(door(place)) as opened:
            return opened.columns(table)

    try:
        found = within(seconds, look)
    except UnknownTableError as error:
        raise no_table(customer, source, mapping.table, table, error.names) from None
    except Exception as error:
        raise _refused(customer, source, place, error) from None
    wanted = source_columns(mapping) or tuple(found)
    if missing := missing_columns(customer, source, mapping.table, wanted, found):
        raise missing
    schema = pa.schema([(name, found[name][1]) for name in wanted])

    def read() -> Iterator[pa.RecordBatch]:
        with closing(door(place)) as opened:
            for batch in opened.batches(table, wanted, since):
                yield _plain(batch).cast(schema)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from iter_within(seconds, read)
        except Exception as error:
            raise StreamError(_clause(customer, place, error)) from None

    rows = streamed(con, schema, batches)
    return Opened(lazy_table(con, rows.get_name(), wanted), {name: words for name, (words, _) in found.items()})


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """None: that a table has not changed cannot be told in the same way of every database."""
    address(customer, source, SCHEMES)
    return None


def tables(customer: Customer, source: Source) -> list[str]:
    """The tables and views that `table:` may name."""
    place = address(customer, source, SCHEMES)

    def ask() -> list[str]:
        with closing(door(place)) as opened:
            return opened.tables()

    try:
        return within(timeout(customer, source), ask)
    except Exception as error:
        raise _refused(customer, source, place, error) from None


def fault(source: Source, error: Exception) -> str | None:
    """What the driver said in one clause."""
    return stream_fault(error)


def _refused(customer: Customer, source: Source, place: Address, error: Exception) -> SourceError:
    if isinstance(error, ImportError):
        remedy = f"Install it: pip install {package(place)}."
        what = f"{place.scheme}:// needs the module '{error.name}', which is not installed"
        return source_error(customer, source, what, remedy)
    remedy = REMEDY.format(source=source.name, file=file_name(customer))
    return source_error(customer, source, _clause(customer, place, error), remedy)


def _clause(customer: Customer, place: Address, error: Exception) -> str:
    """What the driver says, on one line, without the password that it may show."""
    if isinstance(error, NoAnswerError):
        return str(error)
    said = customer.hide(" ".join(str(error).split()))
    said = said.replace(place.password, "***") if place.password else said
    return f"the driver says: {said[:300]}" if said else f"the driver failed ({type(error).__name__})"


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [column.cast(plain(column.type)) if plain(column.type) != column.type else column for column in batch]
    return pa.record_batch(arrays, names=batch.schema.names)
