"""JSON files: one object per line, or one list of objects. Every value is read as text.

A column is named by a value's key, or by its path when it is nested ("address.city"); a list is its JSON text, and a
value that a row lacks is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from capflow_resources.engines.quoting import quote_literal, quote_name
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.files import transcode
from capflow_resources.sources.files.listing import file_fault, list_files
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

SAMPLE_ROWS = 10_000
MAX_COLUMNS = 2_000  # objects whose keys are values (prices by article) would give a column for each
MAX_OBJECT_BYTES = 16_777_216

Keys = tuple[str, ...]


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return all rows of all files, lazily, in one pass.

    Mapped columns that the first 10,000 rows lack are searched for in all rows. Options: `encoding` (any Python codec,
    default utf-8).
    """
    files = list_files(customer, source)
    names = transcode.duckdb_paths(customer, source, files, con)
    wanted = source_columns(mapping)
    paths = _sample_columns(con, names)
    if not paths:  # no row to take columns from
        nothing = ", ".join(f"NULL::VARCHAR AS {quote_name(name)}" for name in wanted)
        return SourceTable(con.sql(f"SELECT {nothing or 'NULL AS nothing'} WHERE false"), dict.fromkeys(wanted, "text"))
    paths |= _find_missing_columns(con, names, [name for name in wanted if name not in paths])
    folders = [name for name in files.partitions() if name not in paths]
    columns = dict.fromkeys([*paths, *folders], "text")
    chosen = _drop_case_duplicates(paths, wanted)
    hive = bool(set(folders) & set(wanted))
    query = _query(names, {name: paths[name] for name in chosen}, folders if hive else (), hive)
    return SourceTable(con.sql(query), columns)


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return path, size and etag of every file."""
    return list_files(customer, source).state()


def fault(source: Source, error: Exception) -> str | None:
    """Return DuckDB's error about a JSON file in one clause, without the row's contents."""
    message = transcode.strip_copy_path(str(error)).partition("\nLINE ")[0]
    if not re.search("JSON|maximum_object_size", message):
        return file_fault(source, error)
    file = re.search(r'file "([^"]+)"', message)
    line = re.search(r"line (\d+)|record/value (\d+)", message)
    number = int(line[1] or line[2]) - message.count("Malformed JSON") if line else 0  # DuckDB is one ahead there
    place = (file[1] if file else source.uri) + (f", line {number}," if line else "")
    if "maximum_object_size" in message:
        return f"{place} has a row of more than {MAX_OBJECT_BYTES // 1_000_000} million bytes"
    if double := re.search(r'duplicate key "([^"]*)"', message):
        return f"{place} has '{double[1]}' twice in one row"
    if "UTF-8" in message or "unicode" in message:
        return f"{place} is not in the encoding that it is read with"
    if "unexpected end" in message:
        return f"{place} is cut off"
    if "cast value to numerical" in message or "Expected OBJECT" in message:
        return f"{place} is no object"
    return f"{place} is not well-formed JSON"


def _read_objects_sql(names: Iterable[str]) -> str:
    listed = ", ".join(map(quote_literal, names))
    return f"read_json_objects([{listed}], format = 'auto', maximum_object_size = {MAX_OBJECT_BYTES})"


def _sample_columns(con: Backend, names: list[str]) -> dict[str, Keys]:
    """Return the columns of the first rows, each with the path to its values."""
    found: dict[str, Keys] = {}
    for (text,) in con.con.execute(f"SELECT json FROM {_read_objects_sql(names)} LIMIT {SAMPLE_ROWS}").fetchall():
        row = json.loads(text)
        for path in _paths(row) if isinstance(row, dict) else ():
            if len(found) < MAX_COLUMNS:
                found.setdefault(".".join(path), path)
    return found


def _paths(row: dict[str, Any], before: Keys = ()) -> Iterator[Keys]:
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, (*before, name))
        else:
            yield (*before, name)


def _find_missing_columns(con: Backend, names: list[str], missing: list[str]) -> dict[str, Keys]:
    """Return those of the missing columns that any row has: under that very key, or along the path of its dots."""
    if not missing:
        return {}
    tries = [(name, path) for name in missing for path in dict.fromkeys([(name,), tuple(name.split("."))])]
    checks = ", ".join(f"bool_or(json_exists(json, {quote_literal(_pointer(path))}))" for _, path in tries)
    answers = con.con.execute(f"SELECT {checks} FROM {_read_objects_sql(names)}").fetchone() or ()
    return {name: path for (name, path), there in reversed(list(zip(tries, answers, strict=True))) if there}


def _drop_case_duplicates(paths: dict[str, Keys], wanted: tuple[str, ...]) -> list[str]:
    """Return the columns to read: the wanted ones, and others unless they differ only in case, which DuckDB ignores."""
    by_lower_case: dict[str, str] = {}
    for name in [*(name for name in wanted if name in paths), *paths]:
        by_lower_case.setdefault(name.lower(), name)
    return list(by_lower_case.values())


def _query(names: list[str], paths: dict[str, Keys], folders: Iterable[str], hive: bool) -> str:
    """Return the SQL of one pass over the files, which parses an object only where a path leads into it."""
    tops: dict[str, tuple[str, bool]] = {}
    for path in paths.values():
        _, inner = tops.get(path[0].lower(), (path[0], False))
        tops[path[0].lower()] = (path[0], inner or len(path) > 1)
    types = ", ".join(f"{quote_literal(name)}: '{'JSON' if inner else 'VARCHAR'}'" for name, inner in tops.values())
    expressions = [f"{_value(path, tops[path[0].lower()][1])} AS {quote_name(name)}" for name, path in paths.items()]
    expressions += map(quote_name, folders)
    listed = ", ".join(map(quote_literal, names))
    return (
        f"SELECT {', '.join(expressions)} FROM read_json([{listed}], columns = {{{types}}}, format = 'auto', "
        f"records = 'true', maximum_object_size = {MAX_OBJECT_BYTES}, "
        f"hive_partitioning = {hive}, hive_types_autocast = false)"
    )


def _value(path: Keys, is_json: bool) -> str:
    return (
        f"json_extract_string({quote_name(path[0])}, {quote_literal(_pointer(path[1:]))})"
        if is_json
        else quote_name(path[0])
    )


def _pointer(path: Keys) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path) or "$"
