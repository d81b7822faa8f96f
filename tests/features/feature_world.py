"""A small random retailer for feature tests, and the validated tables made of its lines in plain SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

AS_OF = datetime(2024, 6, 1)
LINE_TYPES = {
    "bill_id": "string",
    "user_id": "string",
    "item_id": "string",
    "ts": "timestamp(6)",
    "quantity": "float64",
    "unit_price": "float64",
    "discount": "float64",
    "amount": "float64",
    "store_id": "string",
    "channel": "string",
    "is_return": "boolean",
}
BILLS_SQL = """
    select bill_id, min(user_id) as user_id, min(ts) as ts,
        cast(sum(cast(round(amount * 100) as bigint)) as bigint) / 100 as amount,
        cast(count(*) as bigint) as line_item_count, min(store_id) as store_id, min(channel) as channel,
        bool_and(is_return) as is_return
    from line_items group by bill_id
"""


def random_lines(
    seed: int, users: int = 40, bills: int = 400, days: int = 420, until: datetime = AS_OF
) -> pd.DataFrame:
    """Lines up to 20 days past `until`: anonymous bills, returns, unknown stores and channels, days without a time."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for bill in range(bills):
        who = int(rng.integers(0, users + 5))
        start = until + timedelta(days=20) - timedelta(seconds=int(rng.integers(0, days * 86400)))
        if bill % 7 == 0:
            start = start.replace(hour=0, minute=0, second=0)
        if bill % 11 == 0:
            start = start.replace(hour=23, minute=59, second=59, microsecond=700_000)
        returned = bool(rng.random() < 0.1)
        store = None if bill % 3 == 0 else f"s{rng.integers(0, 4)}"
        for line in range(int(rng.integers(1, 5))):
            quantity = float(rng.integers(1, 6)) * (-1 if returned else 1)
            price = float(rng.integers(1, 5000)) / 100
            discount = None if bill % 5 == 0 else float(rng.integers(0, 2)) * round(0.1 * price, 2)
            rows.append(
                {
                    "bill_id": f"b{bill}",
                    "user_id": None if who >= users else f"u{who}",
                    "item_id": f"i{rng.integers(0, 30)}",
                    "ts": start + timedelta(hours=6 * line if bill % 13 == 0 else 0),
                    "quantity": quantity,
                    "unit_price": price,
                    "discount": discount,
                    "amount": round(quantity * price - (discount or 0.0), 2),
                    "store_id": store,
                    "channel": [None, "Online", "store", "web"][bill % 4],
                    "is_return": returned or (line == 3 and bill % 17 == 0),
                }
            )
    return pd.DataFrame(rows)


def world(lines: pd.DataFrame) -> dict[str, Any]:
    """line_items and the bills derived from them, on a DuckDB connection of their own."""
    import ibis

    con = ibis.duckdb.connect(threads=1)
    con.create_table("line_items", lines[list(LINE_TYPES)], schema=ibis.schema(LINE_TYPES))
    con.raw_sql(f"create table bills as {BILLS_SQL}")
    return {"line_items": con.table("line_items"), "bills": con.table("bills")}


def frame(table: Any) -> pd.DataFrame:
    """The rows in a fixed order."""
    keys = [name for name in ("as_of", "user_id", "bill_id", "item_id", "ts") if name in table.columns]
    return table.execute().sort_values(keys, kind="stable").reset_index(drop=True)
