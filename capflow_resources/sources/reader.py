"""The interface that the module of each kind of source implements, and the types that it exchanges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend


@dataclass(frozen=True)
class Since:
    """The lower bound of an incremental read: rows whose `column` is `value` or later."""

    column: str
    value: datetime | int | float | str


@dataclass(frozen=True)
class SourceTable:
    """One table as its source holds it.

    `rows` is lazy where the kind allows it and holds at least the mapped columns, under the source's own names and
    types. `columns` maps every column of the source, mapped or not, to its type in the source's own words.
    """

    rows: ibis.Table
    columns: Mapping[str, str]


class SourceReader(Protocol):
    """The functions that the module of one kind of source offers.

    A kind that holds several tables (SOURCE_KINDS[...].holds_tables) also has
    `tables(customer, source) -> list[str]`, the names that `table:` may take.

    A kind may have `REMEDY`: the remedy for a fault, where it is not to send the data again.
    """

    def open(
        self, customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
    ) -> SourceTable:
        """Return all rows of the source. A kind that copies rows leaves out those before `since`.

        Reads only the mapped columns where the source allows it. A mapping without columns asks for all of them, or,
        where that is expensive, for `columns` alone (this is how on-boarding looks at a source). The caller filters by
        `since` again, so a lazy kind may ignore it. Raises SourceError.
        """

    def state(self, customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
        """Return facts that change whenever the source's rows may have changed, found without reading the rows.

        None if the kind has no such facts: the source is then read, and its rows compared. Raises SourceError.
        """

    def fault(self, source: Source, error: Exception) -> str | None:
        """Return one clause about what is wrong with the source, for an error raised while its rows are pulled.

        None for errors that are not the source's (memory, the disk that is written to).
        """
