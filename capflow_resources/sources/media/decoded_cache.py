"""The cache of a collection's decoded facts, beside the lake: a file is decoded once, until it changes.

It is in `decoded/<customer>/` of the home (or of the folder that CAPFLOW_SCRATCH names); without it all files are
decoded again, and nothing else is lost.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from capflow_resources.sources.files.file_store import StoredFile
from capflow_resources.sources.media.collection import THREADS, Collection
from capflow_resources.sources.media.decoding import MAX_BYTES, Facts, corrupt_facts
from partitions.customer import Customer

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

CACHE_KEY = ("place", "bytes", "mark")
Decode = Callable[[str, bytes], list[Facts]]

BATCH_FILES = 256
LISTED_FILES = 10_000


def decode_files(
    con: Backend, cache: Path, listing: ibis.Table, place: Collection, decode: Decode, facts: pa.Schema
) -> ibis.Table:
    """Return the facts of the files in `listing` (place, path, bytes, mark), cached in `cache` or decoded now.

    One row for each file, or for each text in it (`number`), with the columns `facts`. Files no longer in the listing
    are dropped from the cache. A network error is raised; a file that cannot be read is a row that says why.
    """
    before = con.read_parquet(str(cache)) if cache.exists() else None
    todo = listing
    if before is not None:
        todo = listing.anti_join(before, list(CACHE_KEY))
    new = _insert_batches(con, _schema(facts), _decode_batches(todo, place, decode, _schema(facts)))
    if before is not None:
        new = before.semi_join(listing, list(CACHE_KEY)).select(new.columns).union(new)
    return con.read_parquet(str(_replace(cache, new)))


def cache_path(customer: Customer, name: str, digest: str) -> Path:
    """Return the cache file of one collection; removes those of the same name with other settings."""
    named = os.environ.get("CAPFLOW_SCRATCH")
    home = customer.path.absolute().parent.parent if customer.path else Path(tempfile.gettempdir()) / "capflow"
    folder = Path(named).absolute() / "decoded" / customer.name if named else home / "decoded" / customer.name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    cache = folder / f"{name}-{digest[:16]}.parquet"
    for other in folder.glob("*.parquet*"):
        if other.name.rpartition("-")[0] == name and other != cache:
            other.unlink(missing_ok=True)
    return cache


def to_listing(con: Backend, files: Iterable[StoredFile], place: Collection) -> ibis.Table:
    """Return files as a table of `place` (uri), `path` (below the collection's folder), `bytes` and `mark` (etag)."""
    import pyarrow as pa

    schema, waiting = pa.schema(_listing_fields()), iter(files)
    batches = iter(lambda: list(islice(waiting, LISTED_FILES)), [])
    rows = (pa.Table.from_pylist([_listing_row(place, file) for file in some], schema=schema) for some in batches)
    return _insert_batches(con, schema, rows)


def _insert_batches(con: Backend, schema: pa.Schema, batches: Iterable[pa.Table]) -> ibis.Table:
    """Create a temporary table filled batch by batch, so that Python never holds all rows."""
    name, view = f"collected_{uuid4().hex}", f"batch_{uuid4().hex}"
    table = con.create_table(name, schema=schema, temp=True)
    for batch in batches:
        con.con.register(view, batch)
        con.con.execute(f"INSERT INTO {name} SELECT * FROM {view}")
        con.con.unregister(view)
    return table


def _listing_row(place: Collection, file: StoredFile) -> dict[str, Any]:
    return {"place": file.place, "path": place.path(file.place), "bytes": file.size, "mark": file.etag}


def _decode_batches(todo: ibis.Table, place: Collection, decode: Decode, schema: pa.Schema) -> Iterator[pa.Table]:
    import pyarrow as pa

    def facts(row: dict[str, Any]) -> list[Facts]:
        return [{**row, "number": number, **one} for number, one in enumerate(_decode_file(place, row, decode))]

    # Fetched completely first: DuckDB cannot stream the rows of one query while the next one runs.
    waiting = iter(todo.select("place", "path", "bytes", "mark").to_pyarrow().to_batches(max_chunksize=BATCH_FILES))
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in waiting:
            rows = [row for found in pool.map(facts, batch.to_pylist()) for row in found]
            yield pa.Table.from_pylist(rows, schema=schema)


def _decode_file(place: Collection, row: dict[str, Any], decode: Decode) -> list[Facts]:
    if row["bytes"] > MAX_BYTES:
        return [corrupt_facts(f"it has {row['bytes']:,} bytes, more than {MAX_BYTES:,}")]
    if not row["mark"]:
        return [corrupt_facts("there is no such file")]
    try:
        return decode(row["path"], place.read(row["place"]))
    except (FileNotFoundError, PermissionError) as error:
        return [corrupt_facts(f"it cannot be read ({type(error).__name__})")]


def _schema(facts: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([*_listing_fields(), pa.field("number", pa.int64()), *facts])


def _listing_fields() -> list[pa.Field]:
    import pyarrow as pa

    types = {"place": pa.string(), "path": pa.string(), "bytes": pa.int64(), "mark": pa.string()}
    return [pa.field(name, dtype) for name, dtype in types.items()]


def _replace(cache: Path, rows: ibis.Table) -> Path:
    partial = cache.with_name(f"{cache.name}.{os.getpid()}")
    rows.to_parquet(partial)
    return partial.replace(cache)
