"""Reading a table of a document store page by page into columns, resuming where a lost connection interrupted it."""

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

FORMAT = 1  # version of the pages on disk
TIMEOUT_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

Answer = TypeVar("Answer")

log = logging.getLogger("capflow.sources")


@dataclass(frozen=True)
class Page:
    """Some documents, and the position (in JSON's types) of the next page; None for the last page."""

    documents: Sequence[Document]
    next: Any


class DocumentTable(Protocol):
    """One table of a document store.

    `segments` can be read in parallel. `lasting`: a position is still valid in a later run. `key` names the column that
    identifies a document where the store may return one twice; "" where it never does.
    """

    segments: int
    lasting: bool
    key: str

    def identity(self) -> str | None:
        """Return an id that changes when the table is replaced by another; None if there is no table."""

    def tables(self) -> list[str]:
        """List the tables of the store."""

    def sample(self) -> list[Document]:
        """Return a few whole documents, the newest where the store can tell."""

    def page(self, segment: int, position: Any) -> Page:
        """Return the page at `position`; None is the first page."""

    def is_passing(self, error: Exception) -> bool:
        """Return whether to retry: the store is busy, or the connection was lost."""

    def explain(self, error: Exception) -> tuple[str, str] | None:
        """Return what is wrong, in one clause, and the remedy; None for an error that is not the store's."""

    def close(self) -> None:
        """Close the connections."""


def read_documents(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None, store: DocumentTable
) -> SourceTable:
    """Return the mapped columns of all documents, kept on disk and read lazily; raises SourceError."""
    with closing(store):
        reader = _TableReader(customer, source, mapping, since, store)
        return reader.open(con) if source_columns(mapping) else reader.describe(con)


def document_shape(customer: Customer, source: Source, mapping: TableMapping, key: str = "") -> Shape:
    """Return the columns to take from each document; raises SourceError if two differ only in case."""
    columns = tuple(dict.fromkeys([*source_columns(mapping), *filter(None, [key])]))
    refuse_case_duplicates(customer, source, mapping.table, columns)
    return Shape(columns, str(mapping.options.get("explode", "")))


def ask_store(customer: Customer, source: Source, store: DocumentTable, ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` does; an error of the store becomes a SourceError without its cause, which may hold secrets."""
    try:
        return ask()
    except (SourceError, DocumentError):
        raise
    except Exception as error:
        explanation = store.explain(error)
        if explanation is None:
            raise
        raise source_error(customer, source, *explanation) from None


def timeout(customer: Customer, source: Source) -> float:
    """Return `timeout_seconds`: how long to wait for a connection, or for an answer."""
    return positive_number(customer, source, "timeout_seconds", TIMEOUT_SECONDS)


def positive_number(customer: Customer, source: Source, option: str, default: float) -> float:
    """Return an option that must be a number above 0."""
    value = source.options.get(option, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        remedy = f"Correct sources.{source.name}.options.{option} in {file_name(customer)}."
        raise source_error(customer, source, f"{option} must be a number above 0", remedy)
    return value


def retry_for(seconds: float, ask: Callable[[], Answer], is_passing: Callable[[Exception], bool]) -> Answer:
    """Return what `ask` does, retried with growing pauses while its error is passing, for at most `seconds`."""
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

    def open(self, con: Backend) -> SourceTable:
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
            raise self._close_failed(scratch, error) from None
        words = {name: describe_kinds(found) for name, found in zip(self.shape.columns, kinds, strict=True)}
        return SourceTable(_cast_columns(con, files, self.shape.columns, kinds, self.store.key), {**names, **words})

    def describe(self, con: Backend) -> SourceTable:
        """Return the columns without any row, for a mapping that names no columns."""
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
        """Return a hash of what is read: another mapping or source is another read."""
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
            log.info("source '%s': continuing after %s documents", self.source.name, f"{scratch.resumed:,}")
        stop = Event()

        def read(segment: Segment) -> None:
            try:
                while not segment.done and not stop.is_set():
                    ask = lambda: self.store.page(segment.number, segment.position)  # noqa: E731
                    page = self._retry(ask)
                    segment.add(len(page.documents), *self.shape.extract(page.documents), page.next)
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
        """Return the kinds of each column's values in all segments; raises SourceError if there is nothing to read."""
        parts = [segment.kinds for segment in scratch.segments]
        kinds: list[set[str]] = [set().union(*each) for each in zip(*parts, strict=True)]
        if self.since is not None:  # a part of the rows may leave columns empty: add the kinds of the newest documents
            sample_kinds, _ = self.shape.extract(sample)
            return [one | other for one, other in zip(kinds, sample_kinds, strict=True)]
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

    def _close_failed(self, scratch: Scratch, error: BaseException) -> BaseException:
        """Return the error to raise; pages are kept for the next run if that can resume after them."""
        if isinstance(error, DocumentError):
            scratch.discard()
            return self._error(str(error), f"Correct it, or tables.{self.mapping.table} in {file_name(self.customer)}.")
        unfinished = not all(segment.done for segment in scratch.segments)
        kept = scratch.keep() if self.store.lasting and unfinished else scratch.discard()
        if isinstance(error, SourceError) and kept:
            more = f"{kept:,} documents are kept, and a run within {KEPT_HOURS} hours continues after them."
            return SourceError(f"{error} {more}")
        return error


def _hash_address(uri: str) -> str:
    """Return a hash of server and path without the login: a variable that hides the uri must not hide a move."""
    parts = urlsplit(uri)
    return hashlib.sha256(f"{parts.netloc.rpartition('@')[2]}{parts.path}".encode()).hexdigest()


def _cast_columns(
    con: Backend, files: list[str], columns: Sequence[str], kinds: Sequence[set[str]], key: str
) -> ibis.Table:
    """Return the rows under the source's names, each column in the type that holds all of its values."""
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
