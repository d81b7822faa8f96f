"""CSV files: every column is text as written, and a row that does not fit the header is an error, never skipped."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.errors import SourceError, file_name, source_error
from capflow_resources.sources.files import literally, matched
from capflow_resources.sources.files import state as state_of_files
from capflow_resources.sources.kind import Opened, Since
from partitions.customer import Customer, Source, TableMapping
from partitions.form import nearest

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

Header = tuple[str, ...]

# As DuckDB names them, and as Python does; the header is read by Python, the rows by DuckDB.
ENCODINGS = {"utf-8": "utf-8-sig", "latin-1": "latin-1", "utf-16": "utf-16"}
FAULTS = {
    "unterminated quote": "has a quote that is never closed",
    "Invalid unicode": "is not in the encoding that the file is read with",
}


def open(customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None) -> Opened:
    """All rows of all files, lazily; a column that only some files have is null in the others.

    Options: `delimiter` (default ","), `quote` (default '"'), `encoding` (utf-8, latin-1 or utf-16).
    """
    import ibis

    encoding = _encoding(customer, source)
    groups: dict[Header, list[Path]] = {}
    for path in matched(customer, source):
        header = _header(customer, source, path, encoding)
        _refuse_doubles(customer, source, path, header, source_columns(mapping))
        groups.setdefault(header, []).append(path)
    names = list(dict.fromkeys(name for header in groups for name in header))
    parts = [_rows(con, source, header, paths, names, encoding) for header, paths in groups.items()]
    return Opened(ibis.union(*parts) if len(parts) > 1 else parts[0], dict.fromkeys(names, "text"))


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """What changes when the files may have changed."""
    return state_of_files(matched(customer, source))


def fault(source: Source, error: Exception) -> str | None:
    """DuckDB's long complaint about a CSV file in one clause, without the row's contents."""
    message = str(error)
    if not re.search("CSV Error|CSV Parser|decompress", message):
        return None
    path = re.search(r"^\s*file = (.+)$", message, re.M)
    line = re.search(r"CSV Error on Line: (\d+)", message)
    place = (path[1].strip() if path else source.uri) + (f", line {line[1]}," if line else "")
    if count := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message):
        return f"{place} has {count[2]} values where the header has {count[1]}"
    for sign, words in FAULTS.items():
        if sign in message:
            return f"{place} {words}"
    if "CSV" in message:
        return f"{place} is not well-formed CSV"
    return f"{place} cannot be read ({message.strip().splitlines()[0][:200]})"


def _rows(
    con: Backend, source: Source, header: Header, paths: list[Path], names: list[str], encoding: str
) -> ibis.Table:
    import ibis

    # All columns are given by position: DuckDB's sniffer would silently skip leading rows that do not fit.
    position = {name: f"c{index}" for index, name in reversed(list(enumerate(header)))}
    rows = con.read_csv(
        literally(paths),
        columns={f"c{index}": "string" for index in range(len(header))},
        header=True,
        delim=source.options.get("delimiter", ","),
        quote=source.options.get("quote", '"'),
        escape=source.options.get("quote", '"'),
        encoding=encoding,
        strict_mode=True,
        null_padding=False,
        ignore_errors=False,
    )
    return rows.select(**{name: rows[position[name]] if name in position else ibis.null("string") for name in names})


def _header(customer: Customer, source: Source, path: Path, encoding: str) -> Header:
    opener = gzip.open if path.suffix == ".gz" else Path.open
    try:
        with opener(path, "rt", encoding=ENCODINGS[encoding], newline="") as lines:
            reader = csv.reader(
                lines, delimiter=source.options.get("delimiter", ","), quotechar=source.options.get("quote", '"')
            )
            first = next(reader, [])
    except UnicodeError as error:
        what = f"{path} is not in the encoding that the file is read with, {encoding}"
        remedy = f"Name the right one in sources.{source.name}.options.encoding of {file_name(customer)}."
        raise source_error(customer, source, what, remedy) from error
    except (OSError, EOFError, csv.Error, TypeError) as error:
        remedy = f"Check the file and sources.{source.name}.options in {file_name(customer)}."
        raise source_error(customer, source, f"{path} has no readable first line ({error})", remedy) from error
    header = tuple(name.strip() or f"column {index + 1}" for index, name in enumerate(first))
    if not any(name.strip() for name in first):
        raise source_error(customer, source, f"the first line of {path} is empty", "It must name the columns.")
    return header


def _refuse_doubles(customer: Customer, source: Source, path: Path, header: Header, wanted: tuple[str, ...]) -> None:
    double = next((name for name in wanted if header.count(name) > 1), None)
    if double:
        remedy = "Rename one of them at the source: it cannot be told which one is meant."
        raise source_error(customer, source, f"{path} has {header.count(double)} columns named '{double}'", remedy)


def _encoding(customer: Customer, source: Source) -> str:
    named = str(source.options.get("encoding", "utf-8"))
    try:
        known = {codecs.lookup(name).name: name for name in ENCODINGS}
        return known[codecs.lookup(named).name]
    except LookupError:
        what = f"encoding '{named}' cannot be read{nearest(named, ENCODINGS)}"
        raise _wrong_option(customer, source, what) from None


def _wrong_option(customer: Customer, source: Source, what: str) -> SourceError:
    return source_error(customer, source, what, f"Correct sources.{source.name}.options in {file_name(customer)}.")
