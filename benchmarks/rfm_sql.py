"""Line items as a large retailer has them, and RFM with 20 windowed aggregates as a good engineer writes it in SQL."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

AS_OF = datetime(2026, 11, 1)
WINDOWS = (7, 14, 30, 60, 90, 120, 180, 270, 365, 545)  # visits and spend in each: 20 aggregates
LINES_OF_A_BILL = 3.48
OPTIONS = "(FORMAT parquet, FILE_SIZE_BYTES '512MB', DICTIONARY_SIZE_LIMIT 5000)"
T = f"TIMESTAMP '{AS_OF:%Y-%m-%d}'"
LINES = """
WITH bills AS (
    SELECT b, hash(b) AS h, TIMESTAMP '2024-11-01' + to_microseconds((b * {gap})::BIGINT) AS ts FROM range({bills}) r(b)
), drawn AS (SELECT *, (h % 4294967291) / 4294967291 AS u FROM bills
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


def generate(folder: Path, rows: int) -> tuple[int, int]:
    """Write `rows` line items or so (35 bills for 3 users, some with hundreds) and their bills; how many were made."""
    bills, con = int(rows / LINES_OF_A_BILL), engine()
    made = LINES.format(bills=bills, gap=730 * 86_400_000_000 / bills, users=rows * 3 // 100)
    con.execute(f"COPY ({made}) TO '{folder / 'lines'}' {OPTIONS}")
    con.execute(f"COPY ({BILLS.format(lines=files(folder, 'lines'))}) TO '{folder / 'bills'}' {OPTIONS}")
    counted = con.execute(f"SELECT count(*), count(DISTINCT user_id) FROM {files(folder, 'lines')}").fetchone()
    assert counted is not None
    return int(counted[0]), int(counted[1])


def hand_written(folder: Path) -> str:
    """The SQL that a good engineer writes for these features and this data, in which no bill straddles the date."""
    windows = ", ".join(
        f"count(*) FILTER (ts >= {T} - INTERVAL {d} DAY) AS f{d}, "
        f"coalesce(sum(cents) FILTER (ts >= {T} - INTERVAL {d} DAY), 0)::BIGINT AS s{d}"
        for d in WINDOWS
    )
    chosen = ", ".join(f"f{d} AS frequency_bills_{d}d, s{d} / 100 AS spend_{d}d" for d in WINDOWS)
    scores = ", ".join(SCORES.format(c=column) for column in ("last", "bills", "cents"))
    places = {name: files(folder, name) for name in ("lines", "bills")}
    return SQL.format(T=T, windows=windows, chosen=chosen, scores=scores, **places)


def engine() -> Any:
    """DuckDB as ours is set: two threads, 4 GB, what is more goes to the disk."""
    import duckdb

    return duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "preserve_insertion_order": False})


def files(folder: Path, name: str) -> str:
    """All Parquet files of a table, in SQL."""
    return f"read_parquet('{folder / name}/*.parquet')"
