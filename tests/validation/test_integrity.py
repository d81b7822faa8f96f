"""What tables say of one another is looked up, counted, and the rows to blame are handed out."""

from datetime import datetime

import pytest

from capflow_assets.validation.bounds import find_kpis
from capflow_assets.validation.kpis.integrity import RELATIONS
from capflow_assets.validation.kpis.kpis import measure_kpis
from capflow_assets.validation.offending import BLAMED, offending_rows

AS_OF = datetime(2024, 4, 1)


@pytest.fixture
def tables(retailer, make_line):
    """Four bills; ann, tea and cup are known, bob, pot and bill 4 are not; bill 5 has no line."""
    world = retailer([
        make_line("1", "ann", "tea", "2024-03-01"), make_line("2", "bob", "cup", "2024-03-02"),
        make_line("3", None, "pot", "2024-03-03"), make_line("4", "ann", "tea", "2024-03-04"),
        make_line("9", "new", "new", "2024-04-02"),
    ])  # fmt: skip
    con = world["line_items"].get_backend()
    con.con.execute("""
        delete from bills where bill_id in ('4', '9');
        insert into bills select '5', 'ann', timestamp '2024-03-05', 1, 1, null, null, false;
        create table users as select 'ann' as user_id union all select 'zoe';
        create table items as select unnest(['tea', 'cup']) as item_id;
        create table contacts as select unnest(['ann', 'bob', 'zoe', 'nobody']) as user_id, null::timestamp as sent_at;
        insert into contacts values ('somebody', timestamp '2024-04-02');
        create table reviews as select * from (values ('pot', 'x'), ('what', 'ann'), (null, 'zoe'), (null, 'who'),
            (null, null)) as r(item_id, user_id);
        create table media as select 'tea' as item_id, null as user_id""")
    return world | {name: con.table(name) for name in ("users", "items", "contacts", "reviews", "media")}


EXPECTED = {
    "unknown_item_share": 1 / 4, "unknown_user_share": 1 / 3, "lines_without_bill_share": 1 / 4,
    "bills_without_lines_share": 1 / 4, "unknown_contact_share": 1 / 4, "unknown_review_share": 2 / 4,
    "unknown_media_share": 0.0,
}  # fmt: skip


def test_what_is_not_there_is_counted(tables):
    values = measure_kpis(tables["line_items"], tables["bills"], AS_OF, tables)
    assert {kpi: values[kpi] for kpi in RELATIONS} == EXPECTED
    assert set(EXPECTED) == set(RELATIONS)


def test_only_what_a_customer_sends_is_judged(tables):
    lines, bills = tables["line_items"], tables["bills"]
    assert {kpi for kpi, value in measure_kpis(lines, bills, AS_OF).items() if value is not None} & set(
        RELATIONS
    ) == set()
    values = measure_kpis(lines, bills, AS_OF, {"items": tables["items"], "contacts": tables["contacts"]})
    assert {kpi for kpi in RELATIONS if values[kpi] is not None} == {"unknown_item_share", "unknown_contact_share"}
    assert values["unknown_contact_share"] == 2 / 4, "without users, bob's bill is known and zoe is not"


def test_the_rows_to_blame(tables):
    def blamed(kpi, column):
        return sorted(str(row[column]) for row in offending_rows(kpi, tables, AS_OF).to_pyarrow().to_pylist())

    assert blamed("unknown_item_share", "item_id") == ["pot"]
    assert blamed("unknown_user_share", "user_id") == ["bob"]
    assert blamed("lines_without_bill_share", "bill_id") == ["4"]
    assert blamed("bills_without_lines_share", "bill_id") == ["5"]
    assert blamed("unknown_contact_share", "user_id") == ["nobody"]
    assert blamed("unknown_review_share", "item_id") == ["None", "what"]
    assert blamed("unknown_media_share", "item_id") == []
    assert blamed("anonymous_share", "bill_id") == ["3"]
    assert blamed("future_share", "bill_id") == ["9"]
    assert offending_rows("unknown_item_share", {"line_items": tables["line_items"]}, AS_OF) is None
    assert offending_rows("freshness_days", tables, AS_OF) is None


def test_copies_prices_and_returns_to_blame(retailer, make_line):
    lines = [make_line("1", None, "tea", "2024-03-01")] * 3 + [make_line("2", "u", "tea", None, 999.0)]
    lines += [
        make_line("3", "u", "tea", "2024-03-01", 0.0),
        make_line("4", "u", "tea", "2024-03-01", -10.0, 10.0, -1.0, True),
    ]
    world = retailer(lines)
    found = {kpi: offending_rows(kpi, world, AS_OF) for kpi in BLAMED}
    bills = {
        kpi: [row["bill_id"] for row in rows.to_pyarrow().to_pylist()]
        for kpi, rows in found.items()
        if rows is not None
    }
    assert bills["duplicate_share"] == ["1", "1"]
    assert bills["price_outlier_share"] == ["2"]
    assert bills["zero_price_share"] == ["3"]
    assert bills["return_share"] == ["4"]
    assert found["price_outlier_share"].to_pyarrow()["usual_price"].to_pylist() == [10.0]
    assert found["duplicate_share"].columns == world["line_items"].columns


def test_dates_in_the_future_are_counted_only_as_of_now(tables):
    lines, bills = tables["line_items"], tables["bills"]
    assert measure_kpis(lines, bills, AS_OF)["future_share"] is None
    assert measure_kpis(lines, bills, AS_OF, now=True)["future_share"] == 1 / 5


@pytest.mark.parametrize(
    ("kpi", "value", "severity"),
    [
        ("future_share", 0.01, "warn"), ("future_share", 0.06, "block"), ("unknown_item_share", 0.06, "warn"),
        ("unknown_item_share", 0.6, "block"), ("unknown_user_share", 0.9, "warn"), ("unknown_user_share", 1.0, "block"),
        ("lines_without_bill_share", 0.02, "warn"), ("lines_without_bill_share", 0.6, "block"),
        ("bills_without_lines_share", 0.06, "warn"), ("unknown_contact_share", 0.3, "warn"),
        ("unknown_review_share", 0.3, "warn"), ("unknown_media_share", 1.0, "warn"),
    ],
)  # fmt: skip
def test_relations_have_bounds_that_say_what_to_do(customer, kpi, value, severity):
    finding = next(found for found in find_kpis({kpi: value}, customer()) if found.kpi == kpi)
    assert (finding.passed, finding.severity) == (False, severity)
    assert "customers/acme.yaml" in finding.remedy
    assert "{" not in finding.message + finding.remedy
    assert next(found for found in find_kpis({kpi: value}, customer(**{kpi: value})) if found.kpi == kpi).passed
