"""What the KPIs of a customer cost, beside the plain way to count copies and odd prices, in seconds and memory.

    PYTHONPATH=. python benchmarks/kpis.py [lines, default 10000000]

Generated lines: five a bill, one user in 33 lines, 20,000 items, one line in a thousand a copy. Each part runs in a
process of its own on a DuckDB of two threads that may use CAPFLOW_MEMORY (default 4GB).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from machine import machine, peak_mib

AS_OF = datetime(2026, 1, 1)
LINES = """
WITH n AS (SELECT CASE WHEN i % 1000 = 0 AND i > 0 THEN i - 1 ELSE i END i FROM range({rows}) r(i)),
m AS (SELECT i, i // 5 AS bill, hash(i) % 20000 AS item, (hash(i) % 5 + 1)::DOUBLE AS quantity,
    (hash(hash(i) % 20000) % 5000 + hash(i + 1) % 7 * 10 + 50) / 100 AS price FROM n)
SELECT 'b' || bill AS bill_id, 'u' || hash(bill) % ({rows} // 33 + 1) AS user_id, 'sku-' || item AS item_id,
    TIMESTAMP '2024-01-01' + to_seconds(CAST(bill * (63072000 / ({rows} // 5 + 1)) AS BIGINT)) AS ts,
    quantity, price AS unit_price, 0.0::DOUBLE AS discount, quantity * price AS amount,
    's' || hash(bill) % 50 AS store_id, NULL::VARCHAR AS channel, false AS is_return
FROM m
"""
BILLS = """
SELECT bill_id, min(user_id) AS user_id, min(ts) AS ts, sum(amount) AS amount, count(*) AS line_item_count,
    min(store_id) AS store_id, min(channel) AS channel, bool_and(is_return) AS is_return FROM '{lines}' GROUP BY bill_id
"""


def every_kpi(lines: Any, bills: Any) -> Any:
    """All of them."""
    from capflow_assets.validation.kpis.kpis import measure_kpis

    return {name: value for name, value in measure_kpis(lines, bills, AS_OF, now=True).items() if value is not None}


def copies_by_columns(lines: Any, bills: Any) -> Any:
    """Ours: group by all columns."""
    from capflow_assets.validation.kpis.copies import count_surplus

    return count_surplus(lines).to_pyarrow().to_pylist()[0]["surplus"]


def copies_by_hash(lines: Any, bills: Any) -> Any:
    """Only rows whose hash comes twice are grouped by all columns."""
    from functools import reduce
    from operator import xor

    marked = lines.mutate(mark=reduce(xor, (lines[name].hash().fill_null(0) for name in lines.columns)))
    marks = marked.group_by("mark").aggregate(n=marked.count())
    suspect = marked.semi_join(marks.filter(marks.n > 1), "mark")
    alike = suspect.group_by(lines.columns).aggregate(copies=suspect.count())
    return alike.aggregate(n=(alike.copies - 1).sum()).to_pyarrow().to_pylist()[0]["n"]


def outliers_by_price(lines: Any, bills: Any) -> Any:
    """Ours: the median of an item over its prices with how many lines have each."""
    from capflow_assets.validation.kpis.prices import count_price_outliers

    return count_price_outliers(lines).to_pyarrow().to_pylist()[0]


def outliers_by_line(lines: Any, bills: Any) -> Any:
    """Plainly: the median over all lines of an item, joined to each of them."""
    usual = lines.group_by("item_id").aggregate(usual=lines.unit_price.median())
    judged = lines.join(usual, "item_id")
    far = (judged.unit_price > judged.usual * 20) | (judged.unit_price * 20 < judged.usual)
    return judged.aggregate(lines=judged.count(), far=far.sum()).to_pyarrow().to_pylist()[0]


PARTS = (every_kpi, copies_by_columns, copies_by_hash, outliers_by_price, outliers_by_line)


def measure(part: str, folder: Path) -> None:
    """Print what one part costs, as JSON."""
    from capflow_resources.engines import duckdb

    con = duckdb.connect()
    con.raw_sql(f"SET temp_directory = '{folder}'")
    lines, bills = (con.read_parquet(str(folder / f"{name}.parquet")) for name in ("lines", "bills"))
    wall, cpu = perf_counter(), process_time()
    found = next(one for one in PARTS if one.__name__ == part)(lines, bills)
    spent = {"seconds": perf_counter() - wall, "cpu": process_time() - cpu, "mib": peak_mib()}
    print(json.dumps({**spent, "found": found}, default=str))


def main(rows: int) -> None:
    """Write the lines, measure each part, and print a table."""
    import duckdb

    print(f"{machine()}; {rows:,} lines")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = folder / "lines.parquet"
        duckdb.sql(f"COPY ({LINES.format(rows=rows)}) TO '{lines}'")
        duckdb.sql(f"COPY ({BILLS.format(lines=lines)}) TO '{folder / 'bills.parquet'}'")
        print("| part | seconds | CPU-s | peak MiB |\n|---|---|---|---|")
        for part in PARTS:
            command = [sys.executable, __file__, "--part", part.__name__, place]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"| {part.__name__} | failed: {done.stderr.strip().splitlines()[-1]} | | |")
                continue
            told = json.loads(done.stdout)
            print(f"| {part.__name__} | {told['seconds']:.1f} | {told['cpu']:.1f} | {told['mib']:,.0f} |")
            print(f"    {told['found']}", file=sys.stderr)


if __name__ == "__main__":
    if "--part" in sys.argv:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
