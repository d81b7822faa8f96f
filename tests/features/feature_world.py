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
ITEM_TYPES = dict.fromkeys(("item_id", "description", "category", "brand"), "string") | {"price": "float64"}
CONTACT_TYPES = {
    "user_id": "string",
    "campaign_id": "string",
    "channel": "string",
    "offer": "string",
    "sent_at": "timestamp(6)",
    "responded_at": "timestamp(6)",
    "treated": "boolean",
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


def lines_of(names: str, *rows: tuple[Any, ...]) -> pd.DataFrame:
    """Lines of the columns named; of the others each is one piece of 10.00 in an unknown store, no return."""
    usual = {"quantity": 1.0, "unit_price": 10.0, "discount": 0.0, "amount": 10.0}
    usual |= {"item_id": "tea", "store_id": None, "channel": None, "is_return": False}
    told = pd.DataFrame(rows, columns=names.split())
    told = told.assign(**{name: value for name, value in usual.items() if name not in told.columns})
    return told if "bill_id" in told.columns else told.assign(bill_id=[f"b{k}" for k in range(len(told))])


def random_items() -> pd.DataFrame:
    """Items i0 to i29 but for two that the retailer forgot; some have no category or no brand."""
    paths = ["Drinks > Tea", "Drinks > Coffee", "Food", None, " Food > Bread ", "Drinks > Tea", " "]
    rows = [
        {
            "item_id": f"i{k}",
            "description": f"Item {k}",
            "category": paths[k % 7],
            "brand": None if k % 8 == 0 else f"brand {k % 5}",
            "price": float(k),
        }
        for k in range(28)
    ]
    return pd.DataFrame(rows)


def random_contacts(seed: int, users: int = 40, until: datetime = AS_OF) -> pd.DataFrame:
    """Five campaigns a user up to 20 days past `until`: control groups, answers soon, late or never, unknown ways."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for contact in range(5 * users):
        sent = until + timedelta(days=20) - timedelta(seconds=int(rng.integers(0, 420 * 86400)))
        answered = sent + timedelta(seconds=int(rng.integers(0, 40 * 86400)))
        rows.append(
            {
                "user_id": f"u{rng.integers(0, users)}",
                "campaign_id": f"c{contact % 9}",
                "channel": [None, "Email", "sms", "letter", "carrier pigeon"][contact % 5],
                "offer": None if contact % 4 == 0 else f"offer {contact % 3}",
                "sent_at": None if contact % 41 == 0 else sent,
                "responded_at": answered if rng.random() < 0.3 else None,
                "treated": None if contact % 19 == 0 else bool(rng.random() < 0.8),
            }
        )
    return pd.DataFrame(rows, columns=list(CONTACT_TYPES))


def world(
    lines: pd.DataFrame, items: pd.DataFrame | None = None, contacts: pd.DataFrame | None = None
) -> dict[str, Any]:
    """line_items, the bills derived from them, items and contacts, on a DuckDB connection of their own."""
    import ibis

    con = ibis.duckdb.connect(threads=1)
    con.create_table("line_items", lines[list(LINE_TYPES)], schema=ibis.schema(LINE_TYPES))
    con.raw_sql(f"create table bills as {BILLS_SQL}")
    con.create_table("items", random_items() if items is None else items, schema=ibis.schema(ITEM_TYPES))
    con.create_table(
        "contacts", random_contacts(3) if contacts is None else contacts, schema=ibis.schema(CONTACT_TYPES)
    )
    return {name: con.table(name) for name in ("line_items", "bills", "items", "contacts")}


def frame(table: Any) -> pd.DataFrame:
    """The rows in a fixed order."""
    names = ("as_of", "user_id", "bill_id", "item_id", "other_item_id", "ts", "sent_at", "campaign_id")
    keys = [name for name in names if name in table.columns]
    return table.execute().sort_values(keys, kind="stable").reset_index(drop=True)
