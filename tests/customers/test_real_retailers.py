"""Three real retailers, on-boarded by a customer file alone; what must come out is known from their data."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.audit.audit import audit_table
from capflow_assets.validated.tables import clean, derive_bills, drop_rows, required_columns
from capflow_resources import sources
from partitions.customer import Customer
from partitions.customer_file import load_customer

FILES = Path(__file__).parent


class Retailer:
    """A customer's tables, read, cut and cleaned as the pipeline does it."""

    def __init__(self, name: str, data: Path) -> None:
        import ibis

        self.customer: Customer = load_customer(FILES / f"{name}.yaml", {"CAPFLOW_REAL_DATA": str(data)})
        self.con = ibis.duckdb.connect(threads=2, memory_limit="1GB")
        self.dropped: dict[str, dict[str, int]] = {}
        self.tables: dict[str, Any] = {}
        for table, mapping in self.customer.tables.items():
            raw = self.con.create_table(f"raw_{table}", sources.read(self.customer, mapping, self.con))
            left = drop_rows(raw, mapping)
            self.dropped[table] = left.counts()
            cleaned = clean(table, left.kept, mapping, self.customer.timezone)
            self.tables[table] = self.con.create_table(table, cleaned)

    def rows(self, table: str) -> int:
        return int(self.tables[table].count().execute())

    def facts(self, table: str, **facts: Any) -> tuple[Any, ...]:
        result = self.tables[table].aggregate(**facts)
        return tuple(self.con.to_pyarrow(result).to_pylist()[0].values())

    def set_aside(self, table: str) -> dict[str, int]:
        mapping = self.customer.tables[table]
        judged = audit_table(self.tables[table], canonical_tables()[table], required_columns(mapping), {})
        assert judged.passed, judged.reasons
        return {f"{failure.column} {failure.check}": failure.rows for failure in judged.failures}


@pytest.fixture(scope="module")
def giftco(real_data):
    return Retailer("giftco", real_data)


@pytest.fixture(scope="module")
def grocerus(real_data):
    return Retailer("grocerus", real_data)


@pytest.fixture(scope="module")
def vendcafe(real_data):
    return Retailer("vendcafe", real_data)


def test_giftco_keeps_its_goods_and_says_what_it_left_out(giftco):
    dropped = giftco.dropped["line_items"]
    assert (dropped["drop_items: POST"], dropped["drop_items: M"], dropped["drop_items: D"]) == (865, 854, 100)
    assert dropped["drop_duplicates"] == 6859
    assert giftco.rows("line_items") + sum(dropped.values()) == 525_461
    assert giftco.set_aside("line_items") == {}


def test_giftco_s_cancellations_and_anonymous_lines(giftco):
    lines = giftco.tables["line_items"]
    cancelled = lines.bill_id.startswith("C")
    returns, not_returned, anonymous, users = giftco.facts(
        "line_items",
        returns=lines.is_return.sum(),
        not_returned=(cancelled & ~lines.is_return).sum(),
        anonymous=lines.user_id.isnull().sum(),
        users=lines.user_id.nunique(),
    )
    assert (returns, not_returned, anonymous, users) == (11_679, 0, 106_734, 4314)
    (odd,) = giftco.facts("line_items", odd=lines.user_id.contains(".").sum())
    assert odd == 0, "shoppers' numbers came as 13085.0"


def test_giftco_s_times_are_london_s(giftco):
    lines = giftco.tables["line_items"]
    first, last = giftco.facts("line_items", first=lines.ts.min(), last=lines.ts.max())
    assert (first, last) == (datetime(2009, 12, 1, 7, 45), datetime(2010, 12, 9, 20, 1))
    summer = lines.filter(lines.bill_id == "514217").ts.max()
    sent = giftco.con.table("raw_line_items")
    local = sent.filter(sent.bill_id == "514217").ts.max()
    assert (local.execute() - summer.execute()).total_seconds() == 3600


def test_giftco_s_bills_items_and_users(giftco):
    lines = giftco.tables["line_items"]
    bills = derive_bills(lines)
    counted = giftco.con.to_pyarrow(
        bills.aggregate(n=bills.count(), lines=bills.line_item_count.sum(), total=bills.amount.sum())
    )
    assert counted["n"].to_pylist() == [27_950]
    assert counted["lines"].to_pylist() == [giftco.rows("line_items")]
    assert counted["total"].to_pylist()[0] == pytest.approx(9_558_260.17, abs=0.005)
    assert (giftco.rows("items"), giftco.rows("users")) == (4631, 4383)
    items = giftco.tables["items"]
    tea_light = items.filter(items.item_id == "85123A").to_pyarrow().to_pylist()
    assert tea_light[0]["description"] == "WHITE HANGING HEART T-LIGHT HOLDER"
    assert giftco.set_aside("items") == giftco.set_aside("users") == {}


def test_grocerus_money_is_what_was_paid(grocerus):
    lines = grocerus.tables["line_items"]
    paid, differing, bills, users = grocerus.facts(
        "line_items",
        paid=(lines.amount * 100).round().sum(),
        differing=((lines.quantity * lines.unit_price - lines.discount - lines.amount).abs() > 1e-6).sum(),
        bills=lines.bill_id.nunique(),
        users=lines.user_id.nunique(),
    )
    assert (paid, differing, bills, users) == (23_393_524, 0, 47_243, 2377)
    assert grocerus.set_aside("line_items") == {"quantity not_equal_to": 416, "unit_price not_null": 416}


def test_grocerus_year_is_2017_in_new_york(grocerus):
    lines = grocerus.tables["line_items"]
    first, last = grocerus.facts("line_items", first=lines.ts.min(), last=lines.ts.max())
    assert (first, last) == (datetime(2017, 1, 1, 12, 30, 27), datetime(2018, 1, 1, 3, 47, 38))


def test_grocerus_products_households_and_campaigns(grocerus):
    assert (grocerus.rows("items"), grocerus.rows("users"), grocerus.rows("contacts")) == (92_331, 801, 6589)
    items, users = grocerus.tables["items"], grocerus.tables["users"]
    ice = items.filter(items.item_id == "25671").to_pyarrow().to_pylist()[0]
    assert (ice["category"], ice["brand"]) == ("GROCERY > FRZN ICE > ICE - CRUSHED/CUBED", "National")
    assert items.filter(items.item_id == "26081").category.execute().tolist() == ["MISCELLANEOUS"]
    one = users.filter(users.user_id == "1").to_pyarrow().to_pylist()[0]
    assert (one["attribute_age"], one["attribute_home_ownership"]) == ("65+", "Homeowner")
    assert {table: grocerus.set_aside(table) for table in ("items", "users", "contacts")} == {
        "items": {},
        "users": {},
        "contacts": {},
    }


def test_vendcafe_s_cups(vendcafe):
    lines = vendcafe.tables["line_items"]
    assert vendcafe.rows("line_items") == 3636 + 263
    cups, taken, anonymous, cards, cash = vendcafe.facts(
        "line_items",
        cups=(lines.quantity == 1).sum(),
        taken=(lines.amount * 100).round().sum(),
        anonymous=lines.user_id.isnull().sum(),
        cards=lines.user_id.nunique(),
        cash=((lines.channel == "cash") & lines.user_id.isnull()).sum(),
    )
    assert (cups, taken, cards) == (3899, 12_232_158, 1316)
    assert anonymous == 89 + 263
    assert cash == 89 + 80


def test_vendcafe_s_us_dates_and_its_one_iso_date(vendcafe):
    lines = vendcafe.tables["line_items"]
    first, last = vendcafe.facts("line_items", first=lines.ts.min(), last=lines.ts.max())
    assert (first, last) == (datetime(2024, 3, 1, 8, 15), datetime(2025, 3, 23, 19, 23))
    fine = lines.filter(lines.ts == datetime(2024, 12, 14, 11, 19, 7, 33_000))
    assert fine.count().execute() == 1


def test_vendcafe_s_anonymous_cups_are_bills_of_their_own(vendcafe):
    lines = vendcafe.tables["line_items"]
    anonymous = lines.filter(lines.user_id.isnull())
    assert anonymous.bill_id.nunique().execute() == anonymous.count().execute() == 352
    assert lines.bill_id.nunique().execute() == 3873


def test_vendcafe_s_shifted_row_and_nameless_cups_are_set_aside(vendcafe):
    assert vendcafe.set_aside("line_items") == {
        "item_id not_null": 3,
        "ts not_null": 1,
        "unit_price not_null": 1,
        "amount not_null": 1,
    }
    assert vendcafe.rows("items") == 34
