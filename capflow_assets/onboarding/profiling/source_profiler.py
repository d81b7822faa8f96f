"""Profile every table of the sources that a user named, within a limit of time and rows."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.onboarding.profiling.file_groups import File, group_files
from capflow_assets.onboarding.profiling.places import (
    ENDINGS,
    Place,
    PlaceError,
    add_options,
    expand_variables,
    extract_secrets,
    find_files,
    first_source_kind,
    parse_server,
    secret_values,
    source_name,
)
from capflow_assets.onboarding.profiling.profiles import ProfiledTable
from capflow_assets.onboarding.profiling.table_profile import profile_table
from capflow_resources import sources
from partitions.customer import ColumnMapping, Customer, Source, TableMapping
from partitions.source_kinds import SOURCE_KINDS

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

ROWS = 1_000_000  # the first ones of a table, which are profiled
MAX_TABLES = 60
DELIMITERS = (";", "\t", "|")


class SourceProfiler:
    """Reads the sources of a customer-to-be into one DuckDB, until its time is over."""

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

    def places(self, uris: Sequence[str]) -> list[Place]:
        """Return the sources that these URIs name. Raises PlaceError and SourceError."""
        found_places: list[Place] = []
        for uri in uris:
            taken_names = [place.source for place in found_places]
            if place := parse_server(uri, self.customer, self.environ, taken_names):
                found_places.append(self._with_options(place))
            elif "://" in uri and not uri.startswith("file://"):
                found_places += [self._with_csv_options(place) for place in self._places_in_store(uri, taken_names)]
            else:
                listed, ignored = find_files(uri.removeprefix("file://"), self.environ)
                self.ignored += ignored
                places = group_files(listed, self._columns, taken_names)
                found_places += [self._with_csv_options(self._with_options(place)) for place in places]
        return found_places

    def _places_in_store(self, uri_text: str, taken_names: Sequence[str]) -> list[Place]:
        """Return the sources at a URI of an object store: a file, a pattern, or a folder whose files are listed."""
        written, secrets = extract_secrets(uri_text, self.customer)
        uri = expand_variables(written, {**self.environ, **secrets})
        name = uri.rpartition("/")[2]
        kind = _kind_by_ending(name) if "." in name else None
        if kind:
            stem = name.split(".")[0].strip("*_-") or uri.split("/")[-2]
            place = Place(source_name(stem, taken_names), kind, uri, written, {}, secrets)
            return [self._with_options(place)]
        if "${" in written:
            example = f"{written.rstrip('/')}/*.parquet"
            raise PlaceError(f"{written}: the kind of its files is unknown; end it like {example}")
        return [self._with_options(place) for place in group_files(self._list_store(uri), self._columns, taken_names)]

    def _list_store(self, uri: str) -> list[File]:
        from capflow_resources.sources.files.stores import open_store

        pattern = uri if set("*?[") & set(uri) else f"{uri.rstrip('/')}/**"
        place = self._with_options(Place("listed", "parquet", pattern, pattern))
        customer, request = self.mapping(place, None)
        with sources.explain_errors(customer, request), self._time_limit(place):
            names = [file.place for file in open_store(customer, customer.sources["listed"]).find(pattern)]
        scheme, delta = uri.split("://")[0], first_source_kind(ENDINGS["delta"])
        tables = sorted({name.partition("/_delta_log/")[0] for name in names if "/_delta_log/" in name})
        files = [(delta, name) for name in tables if delta]
        for name in names:
            kind = _kind_by_ending(name)
            if kind and not SOURCE_KINDS[kind].holds_tables and not any(name.startswith(f"{t}/") for t in tables):
                files.append((kind, name))
        if not files:
            raise PlaceError(f"{uri} holds no file that CapFlow reads (csv, parquet, json lines, delta)")
        return [(kind, name, Path("/" + name.removeprefix(f"{scheme}://"))) for kind, name in files]

    def _with_options(self, place: Place) -> Place:
        """Return the place with those options of the command line that its kind has."""
        return add_options(place, self.options, self.customer, self.environ)

    def tables(self, places: Sequence[Place]) -> list[ProfiledTable]:
        """Profile every table of these places."""
        return [self._profile(place, table) for place in places for table in self._table_names(place)]

    def mapping(self, place: Place, table: str | None, columns: Sequence[str] = ()) -> tuple[Customer, TableMapping]:
        """Return a customer with this place as its only source, and a mapping that requests some of its columns."""
        source = Source(place.source, place.kind, place.uri, place.read_with or place.options)
        mapped = {f"column_{index}": ColumnMapping((name,)) for index, name in enumerate(columns)}
        request = TableMapping("line_items", place.source, mapped, options={"table": table} if table else {})
        secrets = secret_values(place.secrets)
        return Customer(self.customer, "", "", "UTC", {place.source: source}, {}, secrets=secrets), request

    def close(self) -> None:
        """Release DuckDB's memory."""
        self.con.disconnect()

    def _table_names(self, place: Place) -> list[str | None]:
        if not SOURCE_KINDS[place.kind].holds_tables:
            return [None]
        customer, request = self.mapping(place, None)
        with sources.explain_errors(customer, request), self._time_limit(place):
            source = customer.sources[place.source]
            names = sources.load_reader(customer, source).tables(customer, source)  # type: ignore[attr-defined]
        if len(names) > MAX_TABLES:
            self.skipped += names[MAX_TABLES:]
        return list(names[:MAX_TABLES])

    def _profile(self, place: Place, table: str | None) -> ProfiledTable:
        customer, request = self.mapping(place, table)
        rows = self._rows(place, table)
        with sources.explain_errors(customer, request), self._time_limit(place):
            name = f"looked_at_{next(self._numbers)}"
            sample = self.con.create_table(name, rows.limit(ROWS), temp=True)
            sampled_rows = int(sample.count().execute())
            total = sampled_rows if sampled_rows < ROWS else int(rows.count().execute())
            return profile_table(self.con.con, name, place.source, table, total)

    def _rows(self, place: Place, table: str | None) -> ibis.Table:
        customer, request = self.mapping(place, table)
        with self._time_limit(place):
            opened = sources.open_table(customer, request, self.con)
            if set(opened.columns) - set(opened.rows.columns):  # a kind that reads nothing but what is request for
                customer, request = self.mapping(place, table, list(opened.columns))
                opened = sources.open_table(customer, request, self.con)
        return opened.rows

    def _columns(self, file: File) -> frozenset[str]:
        kind, written, path = file
        if SOURCE_KINDS[kind].holds_tables:
            return frozenset({str(path)})
        place = self._with_csv_options(
            self._with_options(Place(path.stem, kind, written if "://" in written else str(path), ""))
        )
        return frozenset(self._rows(place, None).columns)

    def _with_csv_options(self, place: Place) -> Place:
        """Return the place with the delimiter and encoding that its CSV text needs."""
        if place.kind != "csv":
            return place
        if place.options.keys() & {"delimiter", "encoding", "columns"}:
            return place  # given by the user
        for encoding in ({}, {"encoding": "utf-16"}, {"encoding": "latin-1"}):
            candidate = place.with_extra(encoding)
            try:
                header = self._rows(candidate, None).columns
                self._read_sample(candidate)
            except sources.SourceError as error:
                if "encoding" not in str(error) and not encoding:
                    other = next(
                        (d for d in DELIMITERS if self._has_several_columns(place.with_extra({"delimiter": d}))), None
                    )
                    if other is None:
                        raise
                    return place.with_extra({"delimiter": other})
                continue
            if len(header) == 1 and (delimiters := [d for d in DELIMITERS if d in header[0]]):
                return place.with_extra({**encoding, "delimiter": delimiters[0]})
            return candidate
        return place

    def _has_several_columns(self, place: Place) -> bool:
        try:
            wide = len(self._rows(place, None).columns) > 1
            self._read_sample(place)
        except sources.SourceError:
            return False
        return wide

    def _read_sample(self, place: Place) -> None:
        customer, request = self.mapping(place, None)
        with sources.explain_errors(customer, request), self._time_limit(place):
            self._rows(place, None).limit(20_000).count().execute()

    @contextmanager
    def _time_limit(self, place: Place) -> Iterator[None]:
        """Interrupt DuckDB, and what it reads from, when the time is over; raise PlaceError then."""
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


def _kind_by_ending(name: str) -> str | None:
    return first_source_kind(ENDINGS.get(name.lower().removesuffix(".gz").rpartition(".")[2], ()))
