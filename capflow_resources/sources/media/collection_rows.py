"""Rows of a collection of files: the files in a place, what their paths say, and the facts in their bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from capflow_resources.sources.errors import SourceError, file_name, source_error
from capflow_resources.sources.files.file_store import StoredFile
from capflow_resources.sources.files.listing import file_fault
from capflow_resources.sources.media.collection import Collection, open_collection
from capflow_resources.sources.media.decoded_cache import Decode, cache_path, decode_files, to_listing
from capflow_resources.sources.media.decoding import VERSION, medium_kind
from capflow_resources.sources.reader import SourceReader, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa
    from ibis.backends.duckdb import Backend


class OutsideCollectionError(SourceError):
    """A uri that is in none of the customer's collections."""


def read_collection(
    customer: Customer,
    source: Source,
    mapping: TableMapping,
    con: Backend,
    kinds: tuple[str, ...],
    decode: Decode,
    facts: pa.Schema,
) -> SourceTable:
    """Return one row for each file of these kinds (or for each entry in it), with the facts that `decode` finds."""
    _check_libraries(customer, source)
    manifest = _open_manifest(customer, source, mapping, con)
    place = open_collection(customer, source, _folder(source))
    with _explain_store_errors(customer, source):
        listing = to_listing(
            con, _list_kinds(place, kinds) if manifest is None else _find_listed(place, manifest, source), place
        )
        settings = json.dumps([VERSION, place.folder, dict(source.options)], sort_keys=True, default=str)
        cache = cache_path(customer, source.name, hashlib.sha256(customer.hide(settings).encode()).hexdigest())
        rows = _expand_fields(_add_path_columns(decode_files(con, cache, listing, place, decode, facts), source))
    if manifest is not None:
        rows = _join_manifest(rows, manifest, place, source)
    if not rows.count().to_pyarrow().as_py():
        remedy = f"Correct sources.{source.name}.uri in {file_name(customer)}, or put the files there."
        raise source_error(customer, source, f"there is no {' or '.join(kinds)} file in {place.folder}", remedy)
    rows = rows.drop("place_")
    return SourceTable(rows, {name: str(dtype) for name, dtype in rows.schema().items()})


def state_of_collection(customer: Customer, source: Source, kinds: tuple[str, ...]) -> list[str] | None:
    """Return one hash of all files' names, sizes and etags; None for a manifest, whose files may be anywhere."""
    if _manifest_reader(source) is not None:
        return None
    digest = hashlib.sha256()
    with _explain_store_errors(customer, source):
        for file in _list_kinds(open_collection(customer, source), kinds):
            digest.update(f"{file.place}\0{file.size}\0{file.etag}\n".encode("utf-8", "surrogateescape"))
    return [digest.hexdigest()]


def read_medium(customer: Customer, uri: str, kinds: tuple[str, ...]) -> bytes:
    """Return the bytes of one file by its uri, if it is in one of the customer's collections. Raises SourceError."""
    for source in customer.sources.values():
        if source.kind in kinds and (place := open_collection(customer, source, _folder(source))).holds(uri):
            with _explain_store_errors(customer, source):
                return place.read(uri)
    raise OutsideCollectionError(
        customer.hide(f"'{uri}' lies in no media source of '{customer.name}'. Only what lies in one is opened.")
    )


def fault(source: Source, error: Exception) -> str | None:
    """Return an error about a manifest in one clause; the files themselves are read before any row is returned."""
    manifest = _manifest_reader(source)
    return manifest.fault(source, error) if manifest is not None else file_fault(source, error)


def pattern_names(pattern: str) -> tuple[str, ...]:
    """Return the columns that a pattern like {label}/{item_id}_*.jpg extracts from a path."""
    return tuple(re.findall(r"\{(\w+)\}", pattern))


def pattern_regex(pattern: str) -> str:
    """Return a pattern as a regular expression, one group per name; {name} and * match within a folder, ** does not."""
    parts = re.split(r"(\{\w+\}|\*\*/|\*\*|\*)", pattern)
    wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return (
        "^"
        + "".join(wildcards.get(part) or ("([^/]+?)" if part[:1] == "{" else re.escape(part)) for part in parts)
        + "$"
    )


def _list_kinds(place: Collection, kinds: tuple[str, ...]) -> list[StoredFile]:
    return [file for file in place.files() if medium_kind(file.place) in kinds]


def _find_listed(place: Collection, manifest: ibis.Table, source: Source) -> list[StoredFile]:
    """Return the files that a manifest lists, each once."""
    column = manifest[_uri_column(source)].strip().nullif("")
    uris = manifest.select(uri=column).filter(column.notnull()).distinct().order_by("uri")
    found = place.find(uris.to_pyarrow()["uri"].to_pylist())
    return list({file.place: file for file in found}.values())


def _add_path_columns(rows: ibis.Table, source: Source) -> ibis.Table:
    """Add the row's id, its uri, its folder as label, and the columns that the pattern extracts from the path."""
    import ibis

    number = ibis.ifelse(rows["number"] > 0, ibis.literal("#") + (rows["number"] + 1).cast("string"), "")
    path, names = rows["path"], {"media_id" if "kind" in rows.columns else "text_id": rows["path"] + number}
    columns = {**names, "uri": rows["place"], "label": path.re_extract(r"([^/]+)/[^/]+$", 1).nullif("")}
    pattern = str(source.options.get("pattern", ""))
    for index, column in enumerate(pattern_names(pattern)):
        columns[column] = path.re_extract(pattern_regex(pattern), index + 1).nullif("")
    return rows.mutate(**columns).rename(place_="place").drop("path", "mark", "number")


def _expand_fields(rows: ibis.Table) -> ibis.Table:
    """Add the fields of JSON objects as text columns, where no column has that name already."""
    if "fields" not in rows.columns:
        return rows
    con = rows.get_backend()
    keys = f"SELECT DISTINCT unnest(json_keys(fields)) AS name FROM ({con.compile(rows)}) WHERE fields IS NOT NULL"
    names = sorted({name for (name,) in con.raw_sql(keys).fetchall()} - set(rows.columns))
    fields = {name: rows["fields"].cast("json")[name].unwrap_as("string") for name in names}
    return rows.mutate(**fields).drop("fields")


def _join_manifest(rows: ibis.Table, manifest: ibis.Table, place: Collection, source: Source) -> ibis.Table:
    """Join a manifest's rows with the facts of their files; the manifest's columns win over those from the path."""
    import ibis

    uri = manifest[_uri_column(source)].strip()
    whole = uri.contains("://") | uri.startswith("/")
    theirs = [name for name in manifest.columns if name != _uri_column(source) and name not in _fact_columns(rows)]
    entries = manifest.filter(uri != "").select(*theirs, listed_=ibis.ifelse(whole, uri, f"{place.folder}/" + uri))
    ours = rows.drop([name for name in rows.columns if name in theirs])
    return entries.join(ours, entries["listed_"] == ours["place_"]).drop("listed_")


def _fact_columns(rows: ibis.Table) -> set[str]:
    return set(rows.columns) - {"media_id", "text_id", "label", "item_id", "user_id", "kind", "language"}


def _open_manifest(customer: Customer, source: Source, mapping: TableMapping, con: Backend) -> ibis.Table | None:
    reader = _manifest_reader(source)
    if reader is None:
        return None
    rows = reader.open(
        customer, _manifest_source(source), replace(mapping, columns={}, attributes=(), incremental=None), con
    ).rows
    if (column := _uri_column(source)) not in rows.columns:
        remedy = f"Name its column of uris in sources.{source.name}.options.uri_column of {file_name(customer)}."
        raise source_error(customer, source, f"the manifest {source.uri} has no column '{column}'", remedy)
    return rows


def _manifest_source(source: Source) -> Source:
    kind = "parquet" if source.uri.lower().endswith(".parquet") else "csv"
    collection_options = ("pattern", "uri_column", "folder", "encoding", "text_field")
    return replace(
        source,
        kind=kind,
        options={name: value for name, value in source.options.items() if name not in collection_options},
    )


def _manifest_reader(source: Source) -> SourceReader | None:
    """Return the module that reads the manifest which a source names; None for a source without one."""
    from capflow_resources.sources.files import csv, parquet

    readers: dict[str, SourceReader] = {".csv": csv, ".csv.gz": csv, ".parquet": parquet}
    return next((reader for suffix, reader in readers.items() if source.uri.lower().endswith(suffix)), None)


def _uri_column(source: Source) -> str:
    return str(source.options.get("uri_column", "uri"))


def _folder(source: Source) -> str:
    """Return the folder of the files: the one that a source names, or the one that contains its manifest."""
    if _manifest_reader(source) is None:
        return source.uri
    return str(source.options.get("folder") or source.uri.rpartition("/")[0] or ".")


def _check_libraries(customer: Customer, source: Source) -> None:
    missing = [name for name in ("PIL", "tinytag", "py3langid") if find_spec(name) is None]
    if missing:
        what = f"{' and '.join(missing)} not installed"
        raise source_error(customer, source, what, "Install it: pip install 'capflow[media]'.")


@contextmanager
def _explain_store_errors(customer: Customer, source: Source) -> Iterator[None]:
    """Turn an error of the store into a SourceError of one line."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (OSError, BaseError) as error:
        what = f"{source.uri} cannot be read ({str(error).strip().splitlines()[0][:200]})"
        remedy = f"Check sources.{source.name}.uri and its options in {file_name(customer)}, and the network."
        raise source_error(customer, source, what, remedy) from None
