"""Canonical tables of a real retailer, made by hand so that feature tests lean on nobody's cleaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.features.feature_world import BILLS_SQL


@pytest.fixture(scope="session")
def giftco(real_data: Path) -> dict[str, Any]:
    """giftco's line_items and the bills derived from them; it sends no items, for which oracles read an empty table."""
    import ibis

    con = ibis.duckdb.connect(threads=2)
    con.raw_sql(f"""
        create table line_items as
        select Invoice as bill_id, cast(cast(CustomerID as bigint) as varchar) as user_id, StockCode as item_id,
            cast(InvoiceDate as timestamp) as ts, cast(Quantity as double) as quantity, Price as unit_price,
            cast(null as double) as discount, round(Quantity * Price, 2) as amount, Country as store_id,
            cast(null as varchar) as channel, (Quantity < 0 or starts_with(Invoice, 'C')) as is_return
        from read_parquet('{real_data}/giftco/*.parquet')
        where Price > 0 and Quantity <> 0
    """)
    con.raw_sql(f"create table bills as {BILLS_SQL}")
    con.raw_sql("create table items (item_id varchar, category varchar, brand varchar)")
    return {"line_items": con.table("line_items"), "bills": con.table("bills")}
