"""Writers of test tables into each kind of source. A kind joins every shared suite by one entry in JOINED.

To join: write a function `(folder, name, rows, server) -> StoredTable` that writes `rows`, a pandas frame of one table,
into the source under `name`, and add a `KindUnderTest` with it. A source behind a server also names a session fixture
of tests/conftest.py, whose value becomes `server`.
"""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.s3 import S3
from tests.sources import document_writers, sql_writers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class StoredTable:
    """Where a customer file finds rows that were written: sources.*.uri and .options, and the keys of the table."""

    uri: str
    options: Mapping[str, Any] = field(default_factory=dict)
    table: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KindUnderTest:
    """A kind of source in the shared suites.

    `in_a_file`: the uri is the path of one local file that holds the table, so the tests of files run too.
    `types`: what Ibis reads whole numbers and decimal numbers as.
    """

    kind: str
    write: Callable[[Path, str, "pd.DataFrame", Any], StoredTable]
    server: str = ""
    in_a_file: bool = False
    types: tuple[str, str] = ("int64", "float64")


def write_csv(folder: Path, name: str, rows: "pd.DataFrame", server: None) -> StoredTable:
    path = folder / f"{name}.csv"
    rows.to_csv(path, index=False)
    return StoredTable(str(path))


def write_parquet(folder: Path, name: str, rows: "pd.DataFrame", server: None) -> StoredTable:
    path = folder / f"{name}.parquet"
    rows.to_parquet(path, index=False)
    return StoredTable(str(path))


def write_sqlite(folder: Path, name: str, rows: "pd.DataFrame", server: None) -> StoredTable:
    path = folder / f"{name}.db"
    with closing(sqlite3.connect(path)) as database:
        rows.to_sql(name, database, index=False)
    return StoredTable(str(path), table={"table": name})


def write_jsonl(folder: Path, name: str, rows: "pd.DataFrame", server: None) -> StoredTable:
    path = folder / f"{name}.jsonl"
    rows.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us", force_ascii=False)
    return StoredTable(str(path))


def write_delta(folder: Path, name: str, rows: "pd.DataFrame", server: None) -> StoredTable:
    import deltalake

    deltalake.write_deltalake(folder / name, rows)
    return StoredTable(str(folder / name))


def write_parquet_on_s3(folder: Path, name: str, rows: "pd.DataFrame", server: S3) -> StoredTable:
    place = write_parquet(folder, name, rows, None).uri
    bucket = server.bucket()
    server.client.upload_file(place, bucket, f"shop/{name}.parquet")
    return StoredTable(f"s3://{bucket}/shop/*.parquet", server.options)


def write_manifest(folder: Path, name: str, rows: "pd.DataFrame", server: None) -> StoredTable:
    """Write a collection's manifest with the table's columns, in which every row names the same text."""
    (folder / "note.txt").write_text("A text of a collection.")
    path = folder / f"{name}_manifest.parquet"
    rows.assign(uri="note.txt").to_parquet(path, index=False)
    return StoredTable(str(path))


JOINED: Mapping[str, KindUnderTest] = {
    "csv": KindUnderTest("csv", write_csv, in_a_file=True, types=("string", "string")),
    "jsonl": KindUnderTest("jsonl", write_jsonl, in_a_file=True, types=("string", "string")),
    "parquet": KindUnderTest("parquet", write_parquet, in_a_file=True),
    "parquet on S3": KindUnderTest("parquet", write_parquet_on_s3, server="s3"),
    "delta": KindUnderTest("delta", write_delta),
    "sqlite": KindUnderTest("sqlite", write_sqlite, in_a_file=True),
    "duckdb": KindUnderTest("duckdb", sql_writers.write_duckdb, in_a_file=True),
    "postgres": KindUnderTest("postgres", sql_writers.write_postgres, server="postgres"),
    "mysql": KindUnderTest("mysql", sql_writers.write_mysql, server="mariadb"),
    "sql by ADBC": KindUnderTest("sql", sql_writers.write_for_adbc, server="postgres"),
    "sql by Ibis": KindUnderTest("sql", sql_writers.write_for_ibis, server="postgres"),
    "mongodb": KindUnderTest("mongodb", document_writers.write_mongodb, server="mongodb"),
    "dynamodb": KindUnderTest("dynamodb", document_writers.write_dynamodb, server="dynamodb"),
    "couchdb": KindUnderTest("couchdb", document_writers.write_couchdb, server="couchdb"),
    "redis": KindUnderTest("redis", document_writers.write_redis, server="redis_server", types=("string", "string")),
    "media": KindUnderTest("media", write_manifest),
    "text": KindUnderTest("text", write_manifest),
}
