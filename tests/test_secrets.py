"""Secrets of customer files appear nowhere: not in what commands print, not in any file of the home, not in the UI."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.browser.served import command, dev
from tests.servers.s3 import S3

PASSWORD, KEY, KEY_ID = "pa:ss-W@rd/%41?#'x", "s3cr/et+KEY=&amp", "AKIAFAKEFAKEFAKE"
SECRETS = (PASSWORD, KEY, KEY_ID)
RUN_SECONDS = 240
FILE = """
name: {name}
vertical: gifts
currency: GBP
timezone: UTC
sources:
  till:
    kind: postgres
    uri: "postgresql://clerk:${{TILL_PASSWORD}}@{address}"
    options: {{timeout_seconds: 3}}
  shelf:
    kind: parquet
    uri: "s3://{bucket}/*.parquet"
    options:
      endpoint: "{endpoint}"
      region: us-east-1
      access_key_id: "${{SHELF_KEY_ID}}"
      secret_access_key: "${{SHELF_KEY}}"
      timeout_seconds: 3
tables:
  line_items:
    source: till
    table: {table}
    columns: {{bill_id: bill, user_id: who, item_id: item, ts: sold, unit_price: price}}
  items: {{source: shelf, columns: {{item_id: {item}, description: words}}}}
"""
ENTRIES = """metadataEntries {label description ... on TextMetadataEntry {text} ... on MarkdownMetadataEntry {mdStr}
    ... on JsonMetadataEntry {jsonString} ... on TableMetadataEntry {table {records}}}"""
EVENTS = """{runsOrError {... on Runs {results {runId eventConnection {events {
    __typename
    ... on MessageEvent {message}
    ... on MaterializationEvent {label description ENTRIES}
    ... on ObservationEvent {label description ENTRIES}
    ... on AssetCheckEvaluationEvent {evaluation {description ENTRIES}}
    ... on ExecutionStepFailureEvent {error {message stack cause {message stack}} failureMetadata {ENTRIES}}
}}}}}}""".replace("ENTRIES", ENTRIES)


@pytest.fixture(scope="module")
def till(postgres: str) -> str:
    """A table of a user with a password that needs quoting; the address without the user."""
    import psycopg

    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE secrets")
    with psycopg.connect(f"{postgres}/secrets", autocommit=True) as connection:
        connection.execute(f"CREATE USER clerk PASSWORD {psycopg.sql.quote(PASSWORD)}")
        connection.execute("CREATE TABLE sale (bill int, who int, item text, sold timestamp, price float8)")
        connection.execute("INSERT INTO sale SELECT i, i % 7, 'a' || i % 3, now() - i * interval '1 hour', 2 "
                           "FROM generate_series(1, 400) i")  # fmt: skip
        connection.execute("GRANT SELECT ON sale TO clerk")
    return f"{postgres.rpartition('@')[2]}/secrets"


@pytest.fixture(scope="module")
def shelf(s3: S3) -> str:
    """A bucket with the items."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"item": ["a0", "a1", "a2"], "words": ["red", "green", "blue"]}), file)
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="items.parquet", Body=file.getvalue())
    return bucket


@pytest.fixture(scope="module")
def ran(till: str, shelf: str, s3: S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A home whose customers went well and wrong in every way that names a source, and all that was printed."""
    home = tmp_path_factory.mktemp("secrets") / "home"
    (home / "customers").mkdir(parents=True)
    host = till.partition("/")[0]
    customers: dict[str, dict[str, str]] = {
        "well": {},
        "no_table": {"table": "sales"},
        "no_database": {"address": f"{host}/nothing"},
        "nobody_there": {"address": "127.0.0.1:1/secrets"},
        "no_bucket": {"bucket": "not-there"},
        "no_column": {"item": "nothing"},
    }
    for name, changed in customers.items():
        facts = {"name": name, "address": till, "bucket": shelf, "endpoint": s3.endpoint, "table": "sale"}
        text = FILE.format(**{**facts, "item": "item", **changed})
        (home / "customers" / f"{name}.yaml").write_text(text, encoding="utf-8")
    secrets = {"TILL_PASSWORD": PASSWORD, "SHELF_KEY": KEY, "SHELF_KEY_ID": KEY_ID}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in secrets.items():
            patch.setenv(name, value)
        asked = (["run", "--all", "--until", "validated"], ["status", "--json"])
        yield home, "".join(_told(home, *words) for words in asked)


def _told(home: Path, *words: str) -> str:
    done = subprocess.run(**command(home, *words), capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    return done.stdout + done.stderr


def _found(text: str) -> list[str]:
    """The secrets that a text holds, in any way of writing them."""
    ways = (str, quote, lambda secret: quote(secret, safe=""), quote_plus, lambda secret: json.dumps(secret)[1:-1])
    return [secret for secret in SECRETS if any(way(secret) in text for way in ways)]


def _content(path: Path) -> str:
    """What a file says, Parquet unpacked."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        return f"{file.schema_arrow} {file.metadata.metadata} {file.read().to_pylist()}"
    return path.read_bytes().decode("utf-8", "replace")


def test_the_ways_of_writing_a_secret_are_seen() -> None:
    assert _found(f"x {quote(PASSWORD, safe='')} y {KEY}") == [PASSWORD, KEY]


def test_what_is_printed_names_each_fault_and_no_secret(ran: tuple[Path, str]) -> None:
    _, printed = ran
    for told in ("'sales'", "no_database", "port 1 failed", "not-there", "'nothing'"):
        assert told in printed, printed
    assert _found(printed) == []


def test_no_file_of_the_home_holds_a_secret(ran: tuple[Path, str]) -> None:
    home, _ = ran
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any("well/validated/line_items" in str(path) for path in files)
    assert any(path.suffix == ".db" for path in files)
    assert {str(path): found for path in files if (found := _found(_content(path)))} == {}


def test_the_ui_shows_no_secret(ran: tuple[Path, str]) -> None:
    home, _ = ran
    with dev(home) as served:
        answer: Any = served.ask(EVENTS)
    events = [event for run in answer["runsOrError"]["results"] for event in run["eventConnection"]["events"]]
    told = json.dumps(events)
    assert "no_table" in told
    assert {"MaterializationEvent", "ObservationEvent", "ExecutionStepFailureEvent"} <= {
        e["__typename"] for e in events
    }
    assert _found(told) == []
    assert _found((home / "dev.log").read_text()) == []


def test_the_environment_held_the_secrets(ran: tuple[Path, str]) -> None:
    """Else nothing could have leaked."""
    assert os.environ["TILL_PASSWORD"] == PASSWORD
