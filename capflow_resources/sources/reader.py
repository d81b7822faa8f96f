"""What the module of one kind of source offers, and what it hands back."""

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
    """The part of a source that an incremental read needs: rows whose `column` is `value` or later."""

    column: str
    value: datetime | int | float | str


@dataclass(frozen=True)
class SourceTable:
    """A source's rows, and every column that it has.

    `rows` is lazy where the kind allows it and holds at least the mapped columns, under the source's own names and
    types. `columns` names all columns of the source, mapped or not, each with its type in the source's own words.
    """

    rows: ibis.Table
    columns: Mapping[str, str]


class SourceReader(Protocol):
    """What the module of one kind of source offers.

    A kind that holds several tables (SOURCE_KINDS[...].holds_tables) also has
    `tables(customer, source) -> list[str]`, the names that `table:` may take.

    A kind may have `REMEDY`: what to do about a fault, where that is another thing than to send the data again.
    """

    def open(
        self, customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
    ) -> SourceTable:
        """The source's rows, nothing dropped. A kind that copies rows leaves out those before `since`.

        Reads no other columns than the mapped ones where the source allows it. A mapping that names none asks for all
        of them, or where that is dear for `columns` alone (on-boarding looks at a source so). Whoever asks filters by
        `since` once more, so a lazy kind may ignore it. Raises SourceError.
        """

    def state(self, customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
        """Facts that change whenever the source's rows may have changed, found without reading the rows.

        None when that cannot be told: the source is then read, and its rows compared. Raises SourceError.
        """

    def fault(self, source: Source, error: Exception) -> str | None:
        """What is wrong with the source, in one clause, when an error while its rows are pulled is its fault.

        None for errors that are not the source's (memory, the disk that is written to).
        """
