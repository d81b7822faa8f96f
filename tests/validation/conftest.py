"""Small retailers, made of their lines; bills are derived from them in plain SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from partitions.customer import Customer

Tables = dict[str, ibis.Table]
LINE = """bill_id varchar, user_id varchar, item_id varchar, ts timestamp, quantity double, unit_price double,
    discount double, amount double, store_id varchar, channel varchar, is_return boolean"""
BILLS = """create or replace table bills as select bill_id, min(user_id) user_id, min(ts) ts, sum(amount) amount,
    count(*) line_item_count, min(store_id) store_id, min(channel) channel, bool_and(is_return) is_return
    from line_items group by bill_id"""


def _text(ts) -> str | None:
    return None if ts is None else str(ts)


def line(bill, user, item, ts, amount=10.0, price=None, quantity=1.0, is_return=False) -> tuple:
    """One line; the unit price is the amount unless given."""
    return (bill, user, item, ts, quantity, amount if price is None else price, 0.0, amount, None, None, is_return)


@pytest.fixture
def retailer() -> Callable[[Sequence[tuple]], Tables]:
    """A function from lines to validated tables."""

    def build(lines: Sequence[tuple]) -> Tables:
        con = ibis.duckdb.connect(threads=1)
        con.con.execute(f"create table line_items ({LINE})")
        if lines:
            columns = [
                pa.array(values) for values in zip(*((*row[:3], _text(row[3]), *row[4:]) for row in lines), strict=True)
            ]
            rows = pa.table(columns, names=[f"c{n}" for n in range(len(columns))])
            con.con.register("new_lines", rows)
            con.con.execute("insert into line_items select * from new_lines")
        con.con.execute(BILLS)
        return {"line_items": con.table("line_items"), "bills": con.table("bills")}

    return build


@pytest.fixture
def make_line() -> Callable[..., tuple]:
    return line


@pytest.fixture
def customer() -> Callable[..., Customer]:
    """A function from thresholds to a customer called acme."""
    return lambda **thresholds: Customer("acme", "gifts", "GBP", "UTC", {}, {}, thresholds=thresholds)


REAL = {
    "giftco": """select Invoice, cast(cast(CustomerID as bigint) as varchar), StockCode, InvoiceDate, Quantity, Price,
        0, Quantity * Price, null, null, starts_with(Invoice, 'C') or Quantity < 0
        from '{data}/giftco/*.parquet' where StockCode not in ('POST', 'D', 'M', 'BANK CHARGES')""",
    "grocerus": """select basket_id, household_id, product_id, transaction_timestamp, quantity,
        sales_value / nullif(quantity, 0), 0, sales_value, store_id, null, quantity < 0
        from '{data}/grocerus/transactions_sample.parquet'""",
    "vendcafe": """select 'b' || row_number() over (), card, coffee_name,
        coalesce(try_strptime(datetime, '%m/%d/%Y %H:%M'), try_cast(datetime as timestamp)), 1, money, 0, money,
        null, null, false
        from (select datetime, card, money, coffee_name from read_csv('{data}/vendcafe/index_1.csv')
        union all select datetime, null, money, coffee_name from read_csv('{data}/vendcafe/index_2.csv'))""",
}


@pytest.fixture(params=sorted(REAL))
def real_retailer(request, real_data: Path) -> tuple[str, Tables]:
    """Each real retailer by name, cleaned by hand."""
    return request.param, real_tables(request.param, real_data)


@pytest.fixture
def giftco(real_data: Path) -> Tables:
    return real_tables("giftco", real_data)


def real_tables(name: str, data: Path) -> Tables:
    """A real retailer's tables on a connection of their own."""
    con = ibis.duckdb.connect(threads=2)
    con.con.execute(f"create table line_items ({LINE})")
    con.con.execute(f"insert into line_items {REAL[name].format(data=data)}")
    con.con.execute(BILLS)
    return {"line_items": con.table("line_items"), "bills": con.table("bills")}
