"""CSV files: every column is read as text, and a row that does not fit the header is an error, never skipped."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.duckdb import read_files
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files import transcode
from capflow_resources.sources.files.csv_options import CsvFormat, csv_format, option_error, to_plain_number
from capflow_resources.sources.files.file_store import StoredFile
from capflow_resources.sources.files.listing import Files, file_fault, list_files
from capflow_resources.sources.reader import Since, SourceTable
from partitions.canonical import NUMBER_COLUMNS
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

Header = tuple[str, ...]

HEADER_THREADS = 8  # each header takes one or two requests to a store
DUCKDB_ENCODINGS = ("utf-8", "iso8859-1")  # DuckDB decodes utf-16 wrongly beyond the first 65,536 code points
FAULTS = {
    "unterminated quote": "has a quote that is never closed",
    "Maximum line size": "has a line of more than 2 million bytes, or a quote that is never closed",
    "Parallel CSV Reader": "has a line of more than 2 million bytes, or a quote that is never closed",
    "Invalid unicode": "is not in the encoding that it is read with (options.encoding says which)",
    "not utf-8 encoded": "is not in the encoding that it is read with (options.encoding says which)",
}


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return all rows of all files, lazily; a column that only some files have is null in the others.

    Options: `delimiter` (default ","), `quote` (default '"'), `encoding` (any Python codec, default utf-8), `decimal`
    and `thousands` for columns mapped to numbers, `null` (words that mean null), `skip` (lines before the header),
    `comment` (the character that comment lines start with), `columns` (names, for files without a header). Folders
    named name=value give a column where the files have none of that name.
    """
    import ibis

    form, files = csv_format(customer, source), list_files(customer, source)
    headers = _read_headers(customer, source, files, form, source_columns(mapping))
    groups: dict[Header, list[str]] = {}
    paths = transcode.duckdb_paths(customer, source, files, con, DUCKDB_ENCODINGS)
    for header, path in zip(headers, paths, strict=True):
        groups.setdefault(header, []).append(path)
    names = list(dict.fromkeys(name for header in groups for name in header))
    folders = [name for name in files.partitions() if name not in names]
    settings = _duckdb_options(form, transcode.encoding(customer, source))
    if set(folders) & set(source_columns(mapping)):
        settings |= {"hive_partitioning": True, "hive_types_autocast": False}
        names += folders
    parts = [_read_group(con, settings, header, group, names, folders) for header, group in groups.items()]
    rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return SourceTable(_normalize_numbers(rows, mapping, form), dict.fromkeys([*names, *folders], "text"))


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return path, size and etag of every file."""
    return list_files(customer, source).state()


def fault(source: Source, error: Exception) -> str | None:
    """Return DuckDB's error about a CSV file in one clause, without the row's contents."""
    message = transcode.strip_copy_path(str(error))
    if not re.search("CSV Error|CSV Parser|CSV Reader|decompress", message):
        return file_fault(source, error)
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


def _duckdb_options(form: CsvFormat, encoding: str) -> dict[str, Any]:
    return {
        "header": not form.columns,
        "delim": form.delimiter,
        "quote": form.quote,
        "escape": form.quote,
        "skip": form.skip,
        "nullstr": ["", *form.null],
        "encoding": "latin-1" if encoding == "iso8859-1" else "utf-8",
        "strict_mode": True,
        "null_padding": False,
        "ignore_errors": False,
        "parallel": True,  # otherwise DuckDB drops the end of a file whose quote is never closed
        **({"comment": form.comment} if form.comment else {}),
    }


def _read_group(
    con: Backend,
    settings: Mapping[str, Any],
    header: Header,
    paths: list[str],
    names: Sequence[str],
    folders: Sequence[str],
) -> ibis.Table:
    import ibis

    # Columns are declared by position: DuckDB's sniffer would silently skip leading rows that do not fit.
    position = {name: f"c{index}" for index, name in reversed(list(enumerate(header)))}
    columns = {f"c{index}": "VARCHAR" for index in range(len(header))}
    rows = read_files(con, paths, "read_csv", auto_detect=False, columns=columns, **settings)
    position |= {name: name for name in folders}
    return rows.select(**{name: rows[position[name]] if name in position else ibis.null("string") for name in names})


def _normalize_numbers(rows: ibis.Table, mapping: TableMapping, form: CsvFormat) -> ibis.Table:
    """Rewrite the columns mapped to numbers with a decimal point and no thousands separator."""
    if not form.has_own_numbers:
        return rows
    mapped = {column for name in NUMBER_COLUMNS & mapping.columns.keys() for column in mapping.columns[name].columns}
    return rows.mutate(**{name: to_plain_number(rows[name], form) for name in mapped & set(rows.columns)})


def _read_headers(
    customer: Customer, source: Source, files: Files, form: CsvFormat, wanted: tuple[str, ...]
) -> Sequence[Header]:
    def read(file: StoredFile) -> Header:
        transcode.refuse_endless_line(customer, source, files, file)
        header = _read_header(customer, source, files, file, form)
        double = next((name for name in wanted if header.count(name) > 1), None)
        if double:
            what = f"{file.place} has {header.count(double)} columns named '{double}'"
            remedy = "Rename one of them at the source: CapFlow cannot know which one is meant."
            raise source_error(customer, source, what, remedy)
        return header

    if len(files.files) == 1:
        return [read(files.files[0])]
    with ThreadPoolExecutor(HEADER_THREADS) as pool:
        return list(pool.map(read, files.files))


def _read_header(customer: Customer, source: Source, files: Files, file: StoredFile, form: CsvFormat) -> Header:
    lines = io.StringIO(transcode.read_head(customer, source, files, file), newline="")
    for _ in range(form.skip):
        next(lines, None)
    data_lines = (line for line in lines if not (form.comment and line.startswith(form.comment)))
    try:
        first = next(csv.reader(data_lines, delimiter=form.delimiter, quotechar=form.quote), [])
    except csv.Error as error:
        remedy = f"Check the file and sources.{source.name}.options in {file_name(customer)}."
        raise source_error(customer, source, f"{file.place} has no readable first line ({error})", remedy) from None
    if not any(name.strip() for name in first):
        remedy = "It must hold rows." if form.columns else "It must name the columns."
        raise source_error(customer, source, f"the first line of {file.place} is empty", remedy)
    if form.columns and len(form.columns) != len(first):
        what = f"options.columns names {len(form.columns)} columns, and the first line of {file.place} has {len(first)}"
        raise option_error(customer, source, what)
    return form.columns or tuple(name.strip() or f"column {index + 1}" for index, name in enumerate(first))
