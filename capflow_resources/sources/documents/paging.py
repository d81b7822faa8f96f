"""Reading a table of a document store page by page into columns, going on where a lost connection broke it off."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_exponential, wait_random_exponential

from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.documents.flatten import Document, DocumentError, Shape, choose_type, describe_kinds
from capflow_resources.sources.documents.scratch import KEPT_HOURS, Scratch, Segment, open_scratch
from capflow_resources.sources.errors import (
    SourceError,
    file_name,
    missing_columns_error,
    refuse_case_duplicates,
    source_error,
)
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

FORMAT = 1  # of the pages on disk
TIMEOUT_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

Answer = TypeVar("Answer")

log = logging.getLogger("capflow.sources")


@dataclass(frozen=True)
class Page:
    """Some documents, and where the next page starts (in JSON's types); None when this was the last."""

    documents: Sequence[Document]
    next: Any


class DocumentTable(Protocol):
    """One table of a document store.

    `segments` can be read side by side. `lasting`: a page's place still holds in a later run. `key` names the column
    that makes a document unique where the store may hand one out twice; "" where it never does.
    """

    segments: int
    lasting: bool
    key: str

    def identity(self) -> str | None:
        """A text that is another one once the table was replaced by another table; None when there is no table."""

    def tables(self) -> list[str]:
        """The tables that the store has."""

    def sample(self) -> list[Document]:
        """A few whole documents, the newest where that can be told."""

    def page(self, segment: int, position: Any) -> Page:
        """The page that starts at `position`, None for the first one."""

    def is_passing(self, error: Exception) -> bool:
        """Whether to ask again: the store is busy, or the connection was lost."""

    def explain(self, error: Exception) -> tuple[str, str] | None:
        """What is wrong, in one clause, and what to do about it; None for an error that is not the store's."""

    def close(self) -> None:
        """Let the connections go."""


def read_documents(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None, store: DocumentTable
) -> SourceTable:
    """The mapped columns of all documents, kept on disk and read lazily; raises SourceError."""
    with closing(store):
        gathering = _TableReader(customer, source, mapping, since, store)
        return gathering.opened(con) if source_columns(mapping) else gathering.described(con)


def document_shape(customer: Customer, source: Source, mapping: TableMapping, key: str = "") -> Shape:
    """The columns to take from each document; SourceError where the engine could not tell two of them apart."""
    columns = tuple(dict.fromkeys([*source_columns(mapping), *filter(None, [key])]))
    refuse_case_duplicates(customer, source, mapping.table, columns)
    return Shape(columns, str(mapping.options.get("explode", "")))


def ask_store(customer: Customer, source: Source, store: DocumentTable, ask: Callable[[], Answer]) -> Answer:
    """What `ask` gives; a complaint of the store becomes a SourceError, without its cause: that may hold a password."""
    try:
        return ask()
    except (SourceError, DocumentError):
        raise
    except Exception as error:
        told = store.explain(error)
        if told is None:
            raise
        raise source_error(customer, source, *told) from None


def timeout(customer: Customer, source: Source) -> float:
    """`timeout_seconds`: how long to wait for a connection, or for an answer."""
    return positive_number(customer, source, "timeout_seconds", TIMEOUT_SECONDS)


def positive_number(customer: Customer, source: Source, option: str, default: float) -> float:
    """An option that must be a number above 0."""
    value = source.options.get(option, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        remedy = f"Correct sources.{source.name}.options.{option} in {file_name(customer)}."
        raise source_error(customer, source, f"{option} must be a number above 0", remedy)
    return value


def retry_for(seconds: float, ask: Callable[[], Answer], is_passing: Callable[[Exception], bool]) -> Answer:
    """Return what `ask` does, repeated while its error is passing, with growing pauses, for at most `seconds`."""
    half = {"multiplier": FIRST_PAUSE / 2, "max": LONGEST_PAUSE / 2}  # random by half: not all segments at one moment
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, Exception) and is_passing(error)),
        wait=wait_exponential(**half) + wait_random_exponential(**half),
        stop=stop_before_delay(seconds),
        reraise=True,
    )
    return retrying(ask)


class _TableReader:
    def __init__(
        self, customer: Customer, source: Source, mapping: TableMapping, since: Since | None, store: DocumentTable
    ) -> None:
        self.customer, self.source, self.mapping, self.since, self.store = customer, source, mapping, since, store
        self.shape = document_shape(customer, source, mapping, store.key)
        self.seconds = timeout(customer, source)
        self.table = f"'{mapping.options.get('table', '')}'"

    def opened(self, con: Backend) -> SourceTable:
        identity = self._ask(self.store.identity)
        if identity is None:
            raise self._no_table()
        sample = self._ask(lambda: self._retry(self.store.sample))
        names = self.shape.names(sample)
        columns = len(self.shape.columns)
        scratch = open_scratch(
            self.customer, self._digest(), identity, self.store.lasting, self.store.segments, columns
        )
        try:
            self._read(scratch, identity)
            kinds = self._kinds(scratch, names, sample)
            files = scratch.hand_over(con, columns)
        except BaseException as error:
            raise self._left(scratch, error) from None
        words = {name: describe_kinds(found) for name, found in zip(self.shape.columns, kinds, strict=True)}
        return SourceTable(_cast_columns(con, files, self.shape.columns, kinds, self.store.key), {**names, **words})

    def described(self, con: Backend) -> SourceTable:
        """The columns alone, without any row: what a mapping that names none asks for."""
        if self._ask(self.store.identity) is None:
            raise self._no_table()
        sample = self._ask(lambda: self._retry(self.store.sample))
        return SourceTable(con.sql("SELECT NULL AS nothing LIMIT 0"), self.shape.names(sample))

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        return ask_store(self.customer, self.source, self.store, ask)

    def _retry(self, ask: Callable[[], Answer]) -> Answer:
        return retry_for(self.seconds, ask, self.store.is_passing)

    def _error(self, what: str, remedy: str) -> SourceError:
        return source_error(self.customer, self.source, what, remedy)

    def _no_table(self) -> SourceError:
        names = self._ask(self.store.tables)
        remedy = f"Correct tables.{self.mapping.table}.table in {file_name(self.customer)}."
        return self._error(f"there is no table {self.table}{did_you_mean(self.table.strip(chr(39)), names)}", remedy)

    def _digest(self) -> str:
        """Names what is read: another mapping or source is another read."""
        facts = {
            "format": FORMAT,
            "source": asdict(self.source),
            "place": _hash_address(self.source.uri),
            "shape": asdict(self.shape),
            "table": dict(self.mapping.options),
            "since": asdict(self.since) if self.since else None,
            "segments": self.store.segments,
        }
        return hashlib.sha256(self.customer.hide(json.dumps(facts, default=str)).encode()).hexdigest()[:32]

    def _read(self, scratch: Scratch, identity: str) -> None:
        if scratch.resumed:
            log.info("source '%s': going on after %s documents", self.source.name, f"{scratch.resumed:,}")
        stop = Event()

        def read(segment: Segment) -> None:
            try:
                while not segment.done and not stop.is_set():
                    ask = lambda: self.store.page(segment.number, segment.position)  # noqa: E731
                    page = self._retry(ask)
                    segment.add(len(page.documents), *self.shape.told(page.documents), page.next)
            except BaseException:
                stop.set()
                raise

        def read_all() -> None:
            with ThreadPoolExecutor(len(scratch.segments)) as threads:
                for done in [threads.submit(read, segment) for segment in scratch.segments]:
                    done.result()

        self._ask(read_all)
        now = self._ask(lambda: self._retry(self.store.identity))
        if now != identity:
            scratch.discard()
            happened = "vanished" if now is None else "was replaced"
            raise self._error(f"table {self.table} {happened} while it was read", "Run again when it is whole.")

    def _kinds(self, scratch: Scratch, names: Mapping[str, str], sample: Sequence[Document]) -> list[set[str]]:
        """The kinds of each column's values over all segments; SourceError where there is nothing to read."""
        parts = [segment.kinds for segment in scratch.segments]
        kinds: list[set[str]] = [set().union(*each) for each in zip(*parts, strict=True)]
        if self.since is not None:  # of a part of the rows, some columns may be empty: the newest documents tell more
            told, _ = self.shape.told(sample)
            return [one | other for one, other in zip(kinds, told, strict=True)]
        where = f"tables.{self.mapping.table}"
        if not sum(segment.documents for segment in scratch.segments):
            raise self._error(
                f"table {self.table} holds no documents", f"Fill it, or correct {where} in {file_name(self.customer)}."
            )
        lacking = [name for name, found in zip(self.shape.columns, kinds, strict=True) if not found]
        explode = self.shape.explode
        if explode and lacking and not any(part.rows for part in scratch.segments):
            near = did_you_mean(explode, [name for name, holds in names.items() if holds == "list"])
            remedy = f"Correct {where}.explode in {file_name(self.customer)}."
            raise self._error(f"no document of {self.table} has anything in a list '{explode}'{near}", remedy)
        found = [*names, *(name for name in self.shape.columns if name not in lacking)]
        if missing := missing_columns_error(self.customer, self.source, self.mapping.table, lacking, found):
            raise missing
        return kinds

    def _left(self, scratch: Scratch, error: BaseException) -> BaseException:
        """The error to raise; what was read is kept for the next run when that can go on from there."""
        if isinstance(error, DocumentError):
            scratch.discard()
            return self._error(str(error), f"Correct it, or tables.{self.mapping.table} in {file_name(self.customer)}.")
        unfinished = not all(segment.done for segment in scratch.segments)
        kept = scratch.keep() if self.store.lasting and unfinished else scratch.discard()
        if isinstance(error, SourceError) and kept:
            more = f"{kept:,} documents are kept, and a run within {KEPT_HOURS} hours goes on after them."
            return SourceError(f"{error} {more}")
        return error


def _hash_address(uri: str) -> str:
    """A hash of server and path without user and password: a variable that hides them must not hide a move."""
    parts = urlsplit(uri)
    return hashlib.sha256(f"{parts.netloc.rpartition('@')[2]}{parts.path}".encode()).hexdigest()


def _cast_columns(
    con: Backend, files: list[str], columns: Sequence[str], kinds: Sequence[set[str]], key: str
) -> ibis.Table:
    """The rows under the source's names, each column in the type that all of its values have."""
    import ibis

    read = con.read_parquet(files)
    types = [choose_type(found) for found in kinds]
    rows = read.select(**{name: _cast(read[f"c{i}"], types[i]) for i, name in enumerate(columns)})
    if not key:
        return rows
    numbered = rows.mutate(copy_=ibis.row_number().over(group_by=key))
    return numbered.filter(numbered["copy_"] == 0).drop("copy_")


def _cast(text: ibis.Value, dtype: str) -> ibis.Value:
    import ibis

    if dtype == "string":
        return text
    if dtype != "binary":
        return text.cast(dtype)

    @ibis.udf.scalar.builtin(signature=(("string",), "binary"))
    def unhex(text): ...  # type: ignore[no-untyped-def]

    return unhex(text)
