"""Rows a second and peak memory from PostgreSQL and from CSV to the lake, beside the plain tools that do the same.

    PYTHONPATH=. python benchmarks/ingestion.py [rows, default 10000000] [rounds, default 3] [postgres] [csv]

Each tool runs in a process of its own, in turn, `rounds` times; the median round is printed. All read the same nine
columns and write Parquet on the local disk. The clock starts when the tool has loaded a thousand rows of the same kind,
as in a process that runs step after step; `start` is what that took, imports above all. What is not installed is left
out: pip install 'dlt[filesystem,parquet,sql-database]' psycopg2-binary adbc-driver-postgresql
Ours is the whole step raw/line_items: read, checked, committed to the lake with its facts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from machine import machine, peak_mib

COLUMNS = ("bill_id", "user_id", "item_id", "ts", "quantity", "unit_price", "discount", "store_id", "channel")
ROWS = """
SELECT i // 5 AS bill_id, hash(i // 5) % 200000 AS user_id, 'sku-' || hash(i) % 20000 AS item_id,
    TIMESTAMP '2024-01-01' + to_seconds(i // 5 * 3) AS ts, (hash(i) % 5 + 1)::INTEGER AS quantity,
    (hash(i + 1) % 10000 / 100)::DECIMAL(10, 2) AS unit_price, (hash(i + 2) % 100 / 100)::DECIMAL(10, 2) AS discount,
    (hash(i // 5) % 50)::INTEGER AS store_id, ['store', 'web', 'app'][(hash(i // 5) % 3 + 1)::BIGINT] AS channel
FROM range({rows}) r(i)
"""
TABLE = """
CREATE TABLE line_items (bill_id bigint, user_id bigint, item_id text, ts timestamp, quantity integer,
    unit_price numeric(10, 2), discount numeric(10, 2), store_id integer, channel text)
"""
FEW = 1_000
CHUNK = 200_000
LIMIT_SECONDS = 1800


def ours(kind: str, place: str, folder: Path) -> int:
    """The step raw/line_items of a customer whose source this is."""
    from capflow_assets.raw import asset as raw
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_resources.home import Home

    home = Home(folder)
    home.customers_folder.mkdir(parents=True)
    table = "source: till, table: line_items" if kind == "postgres" else "source: till"
    columns = ", ".join(f"{name}: {name}" for name in COLUMNS)
    (home.customers_folder / "acme.yaml").write_text(
        "{name: acme, vertical: gifts, currency: GBP, timezone: UTC, "
        f"sources: {{till: {{kind: {kind}, uri: '{place}'}}}}, "
        f"tables: {{line_items: {{{table}, columns: {{{columns}}}}}}}}}"
    )
    return int(raw.load(CustomerRun(home, "acme"), "raw/line_items").facts["rows"])


def duckdb(kind: str, place: str, folder: Path) -> int:
    """DuckDB's COPY, from its PostgreSQL extension or from its CSV reader with every column as text, as ours is."""
    import duckdb as engine

    con = engine.connect(config={"threads": 2, "memory_limit": "4GB", "preserve_insertion_order": False})
    if kind == "postgres":
        from capflow_resources.sources.duckdb_extension import load_extension

        load_extension(con, "postgres_scanner")
        rows = f"SELECT {', '.join(COLUMNS)} FROM postgres_scan('{place}', 'public', 'line_items')"
    else:
        rows = f"SELECT * FROM read_csv('{place}', all_varchar = true)"
    return int(con.execute(f"COPY ({rows}) TO '{folder / 'rows.parquet'}' (FORMAT parquet)").fetchall()[0][0])


def adbc(kind: str, place: str, folder: Path) -> int:
    """ADBC's PostgreSQL driver, or Arrow's CSV reader, streamed into one Parquet file."""
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    if kind == "csv":
        options = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
        return _written(csv.open_csv(place, convert_options=options), folder, pq)
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(place) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM line_items")
        return _written(cursor.fetch_record_batch(), folder, pq)


def pandas(kind: str, place: str, folder: Path) -> int:
    """pandas by chunks, each appended to one Parquet file."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if kind == "csv":
        chunks = pd.read_csv(place, dtype="string", chunksize=CHUNK)
        return _written((pa.Table.from_pandas(chunk) for chunk in chunks), folder, pq)
    import sqlalchemy as sa

    engine = sa.create_engine(place.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect().execution_options(stream_results=True) as connection:
        chunks = pd.read_sql(f"SELECT {', '.join(COLUMNS)} FROM line_items", connection, chunksize=CHUNK)
        return _written((pa.Table.from_pandas(chunk) for chunk in chunks), folder, pq)


def dlt(kind: str, place: str, folder: Path) -> int:
    """dlt: its SQL source by Arrow batches, or its file source by DuckDB, to its filesystem destination."""
    import dlt as tool
    from dlt.sources.filesystem import filesystem, read_csv_duckdb
    from dlt.sources.sql_database import sql_table

    os.environ["DLT_DATA_DIR"] = str(folder / "dlt")
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if kind == "postgres":
        rows = sql_table(credentials=place, table="line_items", backend="pyarrow", chunk_size=CHUNK)
    else:
        files = filesystem(bucket_url=Path(place).parent.as_uri(), file_glob=Path(place).name)
        rows = (files | read_csv_duckdb(use_pyarrow=True, chunk_size=CHUNK)).with_name("line_items")
    target = tool.destinations.filesystem(bucket_url=(folder / "out").as_uri())
    pipeline = tool.pipeline("benchmark", destination=target, dataset_name="d", pipelines_dir=str(folder / "p"))
    pipeline.run(rows, loader_file_format="parquet")
    return int(pipeline.last_trace.last_normalize_info.row_counts["line_items"])


TOOLS: dict[str, Callable[[str, str, Path], int]] = {
    "ours": ours,
    "DuckDB COPY": duckdb,
    "ADBC / Arrow": adbc,
    "pandas": pandas,
    "dlt": dlt,
}


def main() -> None:
    """Make the data, run every tool in turn on both kinds of source, print the table."""
    from tests.servers.postgres import programs, server

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    binaries = programs()
    if binaries is None:
        sys.exit("no PostgreSQL server: install Debian's postgresql")
    with tempfile.TemporaryDirectory() as place, server(binaries) as url:
        print(f"{rows:,} rows, {rounds} rounds; {machine()}")
        few, many = (_filled(Path(place), url, name, number) for name, number in (("few", FEW), ("many", rows)))
        for kind in sys.argv[3:] or many:
            _compare(kind, few[kind], many[kind], rows, rounds)


def _compare(kind: str, few: str, many: str, rows: int, rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {tool: [] for tool in TOOLS}
    for _ in range(rounds):
        for tool, results in found.items():
            if (told := _child(tool, kind, few, many)) is not None:
                assert told["rows"] == rows, (tool, told)
                results.append(told)
    speed = {tool: rows / median(one["wall"] for one in results) for tool, results in found.items() if results}
    fastest = max(value for tool, value in speed.items() if tool != "ours")
    print(f"\n| from {kind} | krow/s | of the fastest peer | CPU-s | peak MiB | start s |\n|---|---|---|---|---|---|")
    for tool, value in sorted(speed.items(), key=lambda item: -item[1]):
        cpu, peak, start = (median(one[fact] for one in found[tool]) for fact in ("cpu", "peak", "start"))
        print(f"| {tool} | {value / 1000:,.0f} | {value / fastest:.2f} | {cpu:.1f} | {peak:,.0f} | {start:.1f} |")


def _child(tool: str, kind: str, few: str, many: str) -> dict[str, float] | None:
    command = [sys.executable, __file__, "--tool", tool, kind, few, many]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if done.returncode:
        print(f"{tool} from {kind}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _one(tool: str, kind: str, few: str, many: str) -> None:
    _, start, _ = _loaded(tool, kind, few)
    rows, wall, cpu = _loaded(tool, kind, many)
    print(json.dumps({"rows": rows, "wall": wall, "cpu": cpu, "peak": peak_mib(), "start": start}))


def _loaded(tool: str, kind: str, source: str) -> tuple[int, float, float]:
    """The rows of one load, its seconds and its CPU-seconds."""
    folder = Path(tempfile.mkdtemp())
    try:
        wall, cpu = perf_counter(), process_time()
        rows = TOOLS[tool](kind, source, folder)
        return rows, perf_counter() - wall, process_time() - cpu
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(batches: object, folder: Path, pq: object) -> int:
    writer, rows = None, 0
    for batch in batches:  # type: ignore[attr-defined]
        writer = writer or pq.ParquetWriter(folder / "rows.parquet", batch.schema)  # type: ignore[attr-defined]
        writer.write(batch)
        rows += batch.num_rows
    if writer:
        writer.close()
    return rows


def _filled(folder: Path, url: str, name: str, rows: int) -> dict[str, str]:
    """The same rows as a database of that name and as a CSV file, each kind with its address."""
    import duckdb as engine
    import psycopg

    csv, database = folder / f"{name}.csv", f"{url}/{name}"
    con = engine.connect(config={"threads": 2, "memory_limit": "2GB"})
    con.execute(f"COPY ({ROWS.format(rows=rows)}) TO '{csv}' (HEADER)")
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        with csv.open("rb") as file, cursor.copy("COPY line_items FROM STDIN (FORMAT csv, HEADER)") as copy:
            while part := file.read(1 << 20):
                copy.write(part)
        cursor.execute("VACUUM ANALYZE line_items")  # else the server does it beside whoever reads first
    return {"postgres": database, "csv": str(csv)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tool"]:
        _one(*sys.argv[2:6])
    else:
        main()
