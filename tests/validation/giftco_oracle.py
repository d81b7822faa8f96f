"""What giftco's KPIs and distributions are, by plain SQL over the file that it sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb

NO_GOODS = "POST, DOT, C2, C3, M, D, S, B, ADJUST, ADJUST2, BANK CHARGES, AMAZONFEE, PADS, TEST001, TEST002"
# Summer time in London, 2010: the only one in the file.
LINES = """
create table lines as
with sent as (select {distinct} Invoice, StockCode, Quantity, InvoiceDate, Price, CustomerID from '{files}')
select trim(Invoice) bill, cast(cast(CustomerID as bigint) as varchar) shopper, trim(StockCode) item,
    InvoiceDate - case when InvoiceDate >= timestamp '2010-03-28 01:00' and InvoiceDate < timestamp '2010-10-31 02:00'
        then interval 1 hour else interval 0 hour end as moment,
    cast(Price as decimal(18, 4)) price, Quantity quantity, Invoice like 'C%' or Quantity < 0 as returned,
    round(cast(Price as decimal(18, 4)) * case when Invoice like 'C%' then -abs(Quantity) else Quantity end, 2) money,
    row_number() over () as line
from sent where upper(trim(StockCode)) not in ({no_goods})
"""
BILLS = """
create table bills as
select bill, min(shopper) shopper, min(moment) moment, sum(money) money, count(*) lines, bool_and(returned) returned
from lines where moment < timestamp '{as_of}' group by bill
"""
SOLD = "from lines where not returned and moment < timestamp '{as_of}'"
KNOWN = "from bills where not returned and shopper is not null"
KPIS: Mapping[str, str] = {
    "average_spent_per_visit": "select avg(money) from bills where not returned",
    "total_bill_amount": "select sum(money) from bills",
    "line_item_count": "select count(*) from lines where moment < timestamp '{as_of}'",
    "bills": "select count(*) from bills where not returned",
    "users": f"select count(distinct shopper) {KNOWN}",
    "bills_per_user": f"select count(*) / count(distinct shopper) {KNOWN}",
    "items_per_bill": "select avg(lines) from bills where not returned",
    "active_users": f"select count(distinct shopper) {KNOWN} and moment >= timestamp '{{as_of}}' - interval 90 day",
    "repeat_user_share": f"""select avg(case when n > 1 then 1 else 0 end)
        from (select count(*) n {KNOWN} group by shopper)""",
    "anonymous_share": "select count(*) filter (shopper is null) / count(*) from bills",
    "return_share": "select count(*) filter (returned) / count(*) from lines where moment < timestamp '{as_of}'",
    "duplicate_share": """with past as (from lines where moment < timestamp '{as_of}')
        select 1 - (select count(*) from (select distinct bill, shopper, item, moment, price, quantity from past))
        / (select count(*) from past)""",
    "zero_price_share": f"select count(*) filter (price <= 0) / count(*) {SOLD}",
    "price_outlier_share": f"""with priced as (select item, price, median(price) over (partition by item) usual
        {SOLD} and price > 0)
        select count(*) filter (price > 20 * usual or 20 * price < usual) / count(*) from priced""",
    "days_without_sales": f"""select 1 - count(distinct cast(moment as date))
        / (date_diff('day', min(cast(moment as date)), max(cast(moment as date))) + 1) {SOLD}""",
    "longest_gap_days": f"""with days as (select distinct cast(moment as date) d {SOLD})
        select max(gap) from (select date_diff('day', lag(d) over (order by d), d) - 1 gap from days)""",
    "freshness_days": f"select date_diff('second', max(moment), timestamp '{{as_of}}') / 86400 {SOLD}",
    "spend_shift": f"""with last as (select max(cast(moment as date)) d {SOLD}),
        worth as (select money, date_diff('day', cast(moment as date), d) age from lines, last
            where not returned and moment < timestamp '{{as_of}}' and money > 0)
        select (select median(money) from worth where age < 28)
            / (select median(money) from worth where age >= 28 and age < 118)""",
    "future_share": "select count(*) filter (moment >= timestamp '{as_of}') / count(*) from lines",
    "unknown_item_share": """select count(*) filter (item not in (select trim(StockCode) from '{items}')) / count(*)
        from lines where moment < timestamp '{as_of}'""",
    "unknown_user_share": """select count(*) filter (shopper not in (select cast(cast(CustomerID as bigint) as varchar)
        from '{users}' where CustomerID is not null)) / count(*)
        from lines where shopper is not null and moment < timestamp '{as_of}'""",
}
SHAPES: Mapping[str, str] = {
    "recency": f"""select least(date_diff('day', newest, timestamp '{{as_of}}'), 1096), count(*)
        from (select max(cast(moment as date)) newest {KNOWN} group by shopper) group by 1 order by 1""",
    "latency": f"""with visits as (select distinct shopper, cast(moment as date) d {KNOWN})
        select least(gap, 366), count(*)
        from (select date_diff('day', lag(d) over (partition by shopper order by d), d) gap from visits)
        where gap is not null group by 1 order by 1""",
    "repeat": f"""select least(n, 50), count(*) from (select count(*) n {KNOWN} group by shopper)
        group by 1 order by 1""",
}


class Oracle:
    """giftco as of a moment, each surplus line left out if `once`; `users` and `items` are files of those it knows."""

    def __init__(self, files: Path, as_of: datetime, once: bool, users: Path, items: Path) -> None:
        self._con = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
        self._names = {"as_of": as_of, "users": users, "items": items}
        no_goods = ", ".join(f"'{name}'" for name in NO_GOODS.split(", "))
        self._con.execute(LINES.format(distinct="distinct" if once else "", files=files, no_goods=no_goods))
        self._con.execute(BILLS.format(as_of=as_of))

    def kpi(self, name: str) -> float | None:
        """The KPI of that name."""
        row = self._con.execute(KPIS[name].format(**self._names)).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def shape(self, name: str) -> tuple[tuple[int, int], ...]:
        """The counts of a distribution."""
        return tuple(self._con.execute(SHAPES[name].format(**self._names)).fetchall())
