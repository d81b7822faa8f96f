"""RFM with 20 windowed aggregates through our API, beside hand-written DuckDB SQL for the same and a bare scan.

    PYTHONPATH=. python benchmarks/features.py [line items, default 10000000]

Line items are generated (35 bills for 3 users, a few users with hundreds); each tool runs in a process of its own on
two threads, from the same Parquet files. Ours is what the step features/rfm does for one date: the expression, its
files, and the commit to the lake. The rows of ours and of the SQL are compared before anything is printed.
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

AS_OF = datetime(2026, 11, 1)
WINDOWS = (7, 14, 30, 60, 90, 120, 180, 270, 365, 545)  # visits and spend in each: 20 aggregates
LINES_OF_A_BILL = 3.48
T = "TIMESTAMP '2026-11-01'"
OPTIONS = "(FORMAT parquet, FILE_SIZE_BYTES '512MB', DICTIONARY_SIZE_LIMIT 5000)"
LINES = """
WITH bills AS (
    SELECT b, hash(b) AS h, TIMESTAMP '2024-11-01' + to_microseconds((b * {gap})::BIGINT) AS ts FROM range({bills}) r(b)
), drawn AS (SELECT *, (h % 1000003) / 1000003 AS u FROM bills
), made AS (
    SELECT b, ts, CASE WHEN (h >> 40) % 10 > 0 THEN 'u' || (100000000 + ({users} * u * sqrt(u))::BIGINT) END AS user_id,
        (1 - ln(1 - (h >> 44) / 1048577) * 2.5)::INTEGER AS n, (h >> 30) % 33 = 0 AS returned,
        's' || (100 + (h >> 20) % 150 * ((h >> 25) % 150) // 150) AS store_id,
        ['store', 'store', 'store', 'web', 'app'][1 + ((h >> 33) % 5)::INTEGER] AS channel FROM drawn
), lines AS (SELECT *, hash(b * 64 + k) AS h FROM (SELECT *, unnest(range(n)) AS k FROM made)
), priced AS (
    SELECT *, (20000 * pow((h % 100003) / 100003, 2.5))::INTEGER AS item, NOT returned AND (h >> 45) % 10 < 2 AS off,
        CASE WHEN (h >> 35) % 4 = 0 THEN 2 ELSE 1 END * CASE WHEN returned THEN -1 ELSE 1 END AS q FROM lines
), money AS (SELECT *, 199 + item * 7919 % 4000 AS cents FROM priced)
SELECT 'b' || (1000000000 + b) AS bill_id, user_id, 'i' || (100000 + item) AS item_id, ts, q::DOUBLE AS quantity,
    cents / 100 AS unit_price, CASE WHEN off THEN q * cents // 5 ELSE 0 END / 100 AS discount,
    (q * cents - CASE WHEN off THEN q * cents // 5 ELSE 0 END) / 100 AS amount,
    store_id, CASE WHEN returned THEN NULL ELSE channel END AS channel, returned AS is_return FROM money
"""
BILLS = """
SELECT bill_id, min(user_id) AS user_id, min(ts) AS ts, sum(round(amount * 100)::BIGINT)::BIGINT / 100 AS amount,
    count(*)::BIGINT AS line_item_count, min(store_id) AS store_id, min(channel) AS channel,
    bool_and(is_return) AS is_return FROM {lines} GROUP BY bill_id
"""
SQL = """
WITH visits AS (
    SELECT user_id, ts, epoch_us(ts) // 86400000000 AS day, round(amount * 100)::BIGINT AS cents, line_item_count AS n,
        store_id, lower(channel) AS channel
    FROM {bills} WHERE ts < {T} AND user_id IS NOT NULL AND amount > 0 AND NOT is_return
), heads AS (
    SELECT user_id, min(day) AS first, max(day) AS last, count(*) AS bills, sum(cents)::BIGINT AS cents, sum(n) AS n,
        count(n) AS with_n, count(*) FILTER (channel IN ('online', 'web', 'app')) AS online, count(channel) AS known,
        count(DISTINCT day) AS days, nullif(count(DISTINCT store_id), 0) AS stores, {windows}
    FROM visits GROUP BY user_id
), goods AS (
    SELECT user_id, count(DISTINCT item_id) FILTER (NOT is_return) AS items, sum(c) FILTER (NOT is_return) AS bought,
        coalesce(sum(abs(c)) FILTER (is_return), 0) AS back, sum(s) FILTER (NOT is_return) AS saved,
        sum(c + s) FILTER (NOT is_return) AS list
    FROM (SELECT *, round(amount * 100)::BIGINT AS c, round(discount * 100)::BIGINT AS s FROM {lines}
        WHERE ts < {T} AND user_id IS NOT NULL) GROUP BY user_id
), {scores}
SELECT user_id, epoch({T})::BIGINT // 86400 - last AS recency_days, bills AS frequency_bills, days AS days_active,
    {chosen}, cents / 100 AS spend, cents / (bills * 100) AS spend_per_visit, n / nullif(with_n, 0) AS items_per_visit,
    epoch({T})::BIGINT // 86400 - first AS tenure_days, items AS distinct_items, stores AS distinct_stores,
    back / nullif(greatest(bought, 0), 0) AS return_share, saved / nullif(greatest(list, 0), 0) AS discount_share,
    online / nullif(known, 0) AS online_share,
    f90 / nullif(greatest(f180 - f90, 0), 0) AS visits_trend_ratio_90d,
    s90 / nullif(greatest(s180 - s90, 0), 0) AS spend_trend_ratio_90d,
    last_score AS recency_score, bills_score AS frequency_score, cents_score AS monetary_score
FROM heads LEFT JOIN goods USING (user_id)
JOIN last_scores USING (last) JOIN bills_scores USING (bills) JOIN cents_scores USING (cents)
"""
SCORES = """{c}_scores AS (
    SELECT {c}, (sum(n) OVER (ORDER BY {c}) - n) * 5 // sum(n) OVER () + 1 AS {c}_score
    FROM (SELECT {c}, count(*) AS n FROM heads GROUP BY {c}))"""


def hand_written(folder: Path) -> str:
    """The SQL that a good engineer writes for these features and this data, in which no bill straddles the date."""
    windows = ", ".join(
        f"count(*) FILTER (ts >= {T} - INTERVAL {d} DAY) AS f{d}, "
        f"coalesce(sum(cents) FILTER (ts >= {T} - INTERVAL {d} DAY), 0)::BIGINT AS s{d}"
        for d in WINDOWS
    )
    chosen = ", ".join(f"f{d} AS frequency_bills_{d}d, s{d} / 100 AS spend_{d}d" for d in WINDOWS)
    scores = ", ".join(SCORES.format(c=column) for column in ("last", "bills", "cents"))
    places = {name: _files(folder, name) for name in ("lines", "bills")}
    return SQL.format(T=T, windows=windows, chosen=chosen, scores=scores, **places)


def ours(folder: Path) -> None:
    """What the step does for one date: the bills need no restating, which features.content told."""
    from capflow_assets.features.rfm import rfm_of
    from capflow_assets.features.snapshots import snapshot
    from capflow_resources.engines import duckdb
    from capflow_resources.lake import Lake

    tables = _tables(folder, duckdb)
    part = snapshot(rfm_of(WINDOWS), tables, AS_OF, whole=True)
    Lake(str(folder / "ours")).write_dates("acme", "features/rfm", "as_of", {AS_OF: part}, {})


def content(folder: Path) -> None:
    """The pass over both tables that tells what changed, once a version, for all feature sets and dates."""
    from capflow_assets.features.content import content, whole
    from capflow_resources.engines import duckdb

    held = {name: content(name, table) for name, table in _tables(folder, duckdb).items()}
    assert whole(held["line_items"], held["bills"], AS_OF)


def sql(folder: Path) -> None:
    """The hand-written SQL into Parquet files."""
    _engine().execute(f"COPY ({hand_written(folder)}) TO '{folder / 'sql'}' {OPTIONS}")


def scan(folder: Path) -> None:
    """The needed columns and nothing else."""
    lines = ("user_id", "item_id", "ts", "amount", "discount", "is_return")
    bills = ("user_id", "store_id", "ts", "amount", "line_item_count", "channel", "is_return")
    for name, columns in (("lines", lines), ("bills", bills)):
        read = ", ".join(f"min({column})" for column in columns)
        _engine().execute(f"SELECT {read} FROM {_files(folder, name)}").fetchall()


TOOLS = {"scan": scan, "hand-written SQL": sql, "ours": ours, "content": content}


def main() -> None:
    """Make the data, run every tool, compare the rows, print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made, users = _generate(folder, rows)
        told = {tool: _child(tool, folder) for tool in TOOLS}
        _compare(folder)
    print(f"{made:,} line items, {users:,} users; {machine()}\n")
    print("| | million rows/s | CPU-s | of the SQL's CPU | peak MiB |\n|---|---|---|---|---|")
    for tool, found in told.items():
        ratio = found["cpu"] / told["hand-written SQL"]["cpu"]
        print(
            f"| {tool} | {made / found['wall'] / 1e6:.2f} | {found['cpu']:.1f} | {ratio:.2f} | {found['peak']:,.0f} |"
        )


def _generate(folder: Path, rows: int) -> tuple[int, int]:
    bills = int(rows / LINES_OF_A_BILL)
    con = _engine()
    made = LINES.format(bills=bills, gap=730 * 86_400_000_000 / bills, users=rows * 3 // 100)
    con.execute(f"COPY ({made}) TO '{folder / 'lines'}' {OPTIONS}")
    con.execute(f"COPY ({BILLS.format(lines=_files(folder, 'lines'))}) TO '{folder / 'bills'}' {OPTIONS}")
    counted = con.execute(f"SELECT count(*), count(DISTINCT user_id) FROM {_files(folder, 'lines')}").fetchone()
    assert counted is not None
    return int(counted[0]), int(counted[1])


def _compare(folder: Path) -> None:
    """Every row of ours is a row of the SQL's and the other way round, every column exactly."""
    con = _engine()
    mine, theirs = f"read_parquet('{folder}/ours/acme/features/rfm/*/*.parquet')", _files(folder, "sql")
    names = [name for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {theirs}").fetchall()]
    alike = " AND ".join(f"o.{name} IS NOT DISTINCT FROM s.{name}" for name in names)
    found = con.execute(
        f"SELECT count(*), count(*) FILTER ({alike}) FROM {mine} o FULL JOIN {theirs} s ON o.user_id = s.user_id"
    ).fetchone()
    columns = len(con.execute(f"DESCRIBE SELECT * FROM {mine}").fetchall()) - 1  # as_of is ours alone
    assert found is not None
    assert found[0] == found[1] > 0, found
    assert columns == len(names)


def _tables(folder: Path, duckdb: Any) -> dict[str, Any]:
    con = duckdb.connect()
    places = {"line_items": "lines", "bills": "bills"}
    return {
        name: duckdb.read_files(con, sorted(map(str, (folder / part).glob("*.parquet"))))
        for name, part in places.items()
    }


def _engine() -> Any:
    import duckdb

    return duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "preserve_insertion_order": False})


def _files(folder: Path, name: str) -> str:
    return f"read_parquet('{folder / name}/*.parquet')"


def _child(tool: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--tool", tool, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{tool}: {done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _one(tool: str, folder: Path) -> None:
    wall, cpu = perf_counter(), process_time()
    TOOLS[tool](folder)
    print(json.dumps({"wall": perf_counter() - wall, "cpu": process_time() - cpu, "peak": peak_mib()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tool"]:
        _one(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
