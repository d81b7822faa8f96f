"""A bounded look at every table of the sources that a user named."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.onboarding.facts import Table
from capflow_assets.onboarding.groups import File, grouped
from capflow_assets.onboarding.places import (
    ENDINGS,
    Place,
    PlaceError,
    expand,
    files,
    kind_of,
    secret_values,
    server,
    source_name,
    with_options,
    without_secrets,
)
from capflow_assets.onboarding.profile import profile
from capflow_resources import sources
from partitions.customer import ColumnMapping, Customer, Source, TableMapping
from partitions.source_kinds import SOURCE_KINDS

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

ROWS = 1_000_000  # of a table are looked at, the first ones
MOST_TABLES = 60
DELIMITERS = (";", "\t", "|")


class Looker:
    """Reads sources for one customer-to-be, on one DuckDB, until its time is over."""

    def __init__(
        self, customer: str, seconds: float, environ: Mapping[str, str], options: Mapping[str, str] | None = None
    ) -> None:
        from capflow_resources.engines.duckdb import connect

        self.customer = customer
        self.environ = environ
        self.options = options or {}
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.con: Backend = connect()
        self.con.raw_sql("SET preserve_insertion_order = true")  # the order of rows is evidence
        self.ignored: list[Path] = []
        self._numbers = itertools.count()
        self.skipped: list[str] = []

    def places(self, given: Sequence[str]) -> list[Place]:
        """The sources that these URIs name. Raises PlaceError and SourceError."""
        found: list[Place] = []
        for uri in given:
            taken = [place.source for place in found]
            if place := server(uri, self.customer, self.environ, taken):
                found.append(self._with_options(place))
            elif "://" in uri and not uri.startswith("file://"):
                found += [self._readable(place) for place in self._in_a_store(uri, taken)]
            else:
                listed, ignored = files(uri.removeprefix("file://"), self.environ)
                self.ignored += ignored
                places = grouped(listed, self._columns, taken)
                found += [self._readable(self._with_options(place)) for place in places]
        return found

    def _in_a_store(self, given: str, taken: Sequence[str]) -> list[Place]:
        """The sources at a URI of an object store: a file, a pattern, or a folder whose files are listed."""
        written, secrets = without_secrets(given, self.customer)
        uri = expand(written, {**self.environ, **secrets})
        name = uri.rpartition("/")[2]
        kind = kind_of(ENDINGS.get(name.lower().removesuffix(".gz").rpartition(".")[2], ())) if "." in name else None
        if kind:
            stem = name.split(".")[0].strip("*_-") or uri.split("/")[-2]
            place = Place(source_name(stem, taken), kind, uri, written, {}, secrets)
            return [self._with_options(place)]
        if "${" in written:
            raise PlaceError(f"{written}: what lies there cannot be told; end it like {written.rstrip('/')}/*.parquet")
        return [self._with_options(place) for place in grouped(self._listed(uri), self._columns, taken)]

    def _listed(self, uri: str) -> list[File]:
        from capflow_resources.sources.files.stores import open_store

        pattern = uri if set("*?[") & set(uri) else f"{uri.rstrip('/')}/**"
        place = self._with_options(Place("listed", "parquet", pattern, pattern))
        customer, asked = self.mapping(place, None)
        with sources.explain_errors(customer, asked), self._in_time(place):
            found = [file.place for file in open_store(customer, customer.sources["listed"]).found(pattern)]
        scheme, delta = uri.split("://")[0], kind_of(ENDINGS["delta"])
        tables = sorted({name.partition("/_delta_log/")[0] for name in found if "/_delta_log/" in name})
        files = [(delta, name) for name in tables if delta]
        for name in found:
            kind = kind_of(ENDINGS.get(name.lower().removesuffix(".gz").rpartition(".")[2], ()))
            if kind and not SOURCE_KINDS[kind].holds_tables and not any(name.startswith(f"{t}/") for t in tables):
                files.append((kind, name))
        if not files:
            raise PlaceError(f"{uri} holds no file that CapFlow reads (csv, parquet, json lines, delta)")
        return [(kind, name, Path("/" + name.removeprefix(f"{scheme}://"))) for kind, name in files]

    def _with_options(self, place: Place) -> Place:
        """The place with the options of the command line that its kind takes."""
        return with_options(place, self.options, self.customer, self.environ)

    def tables(self, places: Sequence[Place]) -> list[Table]:
        """The facts of every table of these places."""
        return [self._profile(place, table) for place in places for table in self._names(place)]

    def mapping(self, place: Place, table: str | None, columns: Sequence[str] = ()) -> tuple[Customer, TableMapping]:
        """A customer that holds nothing but this place, and the mapping that asks for some of its columns."""
        source = Source(place.source, place.kind, place.uri, place.read_with or place.options)
        mapped = {f"column_{index}": ColumnMapping((name,)) for index, name in enumerate(columns)}
        asked = TableMapping("line_items", place.source, mapped, options={"table": table} if table else {})
        secrets = secret_values(place.secrets)
        return Customer(self.customer, "", "", "UTC", {place.source: source}, {}, secrets=secrets), asked

    def close(self) -> None:
        """Let the memory go."""
        self.con.disconnect()

    def _names(self, place: Place) -> list[str | None]:
        if not SOURCE_KINDS[place.kind].holds_tables:
            return [None]
        customer, asked = self.mapping(place, None)
        with sources.explain_errors(customer, asked), self._in_time(place):
            source = customer.sources[place.source]
            names = sources.load_reader(customer, source).tables(customer, source)  # type: ignore[attr-defined]
        if len(names) > MOST_TABLES:
            self.skipped += names[MOST_TABLES:]
        return list(names[:MOST_TABLES])

    def _profile(self, place: Place, table: str | None) -> Table:
        customer, asked = self.mapping(place, table)
        rows = self._rows(place, table)
        with sources.explain_errors(customer, asked), self._in_time(place):
            name = f"looked_at_{next(self._numbers)}"
            sample = self.con.create_table(name, rows.limit(ROWS), temp=True)
            seen = int(sample.count().execute())
            total = seen if seen < ROWS else int(rows.count().execute())
            return profile(self.con.con, name, place.source, table, total)

    def _rows(self, place: Place, table: str | None) -> ibis.Table:
        customer, asked = self.mapping(place, table)
        with self._in_time(place):
            opened = sources.open_table(customer, asked, self.con)
            if set(opened.columns) - set(opened.rows.columns):  # a kind that reads nothing but what is asked for
                customer, asked = self.mapping(place, table, list(opened.columns))
                opened = sources.open_table(customer, asked, self.con)
        return opened.rows

    def _columns(self, file: File) -> frozenset[str]:
        kind, written, path = file
        if SOURCE_KINDS[kind].holds_tables:
            return frozenset({str(path)})
        place = self._readable(
            self._with_options(Place(path.stem, kind, written if "://" in written else str(path), ""))
        )
        return frozenset(self._rows(place, None).columns)

    def _readable(self, place: Place) -> Place:
        """The place with the options that its text needs: another delimiter, another encoding."""
        if place.kind != "csv":
            return place
        if place.options.keys() & {"delimiter", "encoding", "columns"}:
            return place  # the user knows
        for encoding in ({}, {"encoding": "utf-16"}, {"encoding": "latin-1"}):
            tried = place.having(encoding)
            try:
                header = self._rows(tried, None).columns
                self._pull(tried)
            except sources.SourceError as error:
                if "encoding" not in str(error) and not encoding:
                    other = next((d for d in DELIMITERS if self._wide(place.having({"delimiter": d}))), None)
                    if other is None:
                        raise
                    return place.having({"delimiter": other})
                continue
            if len(header) == 1 and (found := [d for d in DELIMITERS if d in header[0]]):
                return place.having({**encoding, "delimiter": found[0]})
            return tried
        return place

    def _wide(self, place: Place) -> bool:
        try:
            wide = len(self._rows(place, None).columns) > 1
            self._pull(place)
        except sources.SourceError:
            return False
        return wide

    def _pull(self, place: Place) -> None:
        customer, asked = self.mapping(place, None)
        with sources.explain_errors(customer, asked), self._in_time(place):
            self._rows(place, None).limit(20_000).count().execute()

    @contextmanager
    def _in_time(self, place: Place) -> Iterator[None]:
        """Stop DuckDB, and what it reads from, when the time is over."""
        over = threading.Event()

        def stop() -> None:
            over.set()
            self.con.con.interrupt()

        timer = threading.Timer(max(0.05, self.deadline - time.monotonic()), stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            if not over.is_set():
                raise
            raise PlaceError(
                f"source '{place.source}' was not read within {self.seconds:g} seconds; allow more with --time-limit, "
                "or give --from a part of it (one file, or an extract)"
            ) from None
        finally:
            timer.cancel()
