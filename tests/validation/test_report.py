"""The report puts a customer's figures together and survives JSON."""

import json
from datetime import datetime

import pytest

from capflow_assets.validation.bounds import customer_file_name
from capflow_assets.validation.kpis.kpis import KPIS
from capflow_assets.validation.report import Report, build_report

AS_OF = datetime(2024, 4, 1)


@pytest.fixture
def lines(make_line):
    return [make_line(str(n), f"<b>u{n % 4}</b>", "a|b", f"2024-03-{n % 28 + 1:02} 10:00", 5.0 + n) for n in range(40)]


def test_a_clean_retailer_passes(retailer, customer, lines):
    result = build_report(retailer(lines), customer(), AS_OF)
    assert result.passed
    assert result.reasons == ()
    assert result.warnings == ()
    assert (result.customer, result.as_of, list(result.values)) == ("acme", "2024-04-01T00:00:00", list(KPIS))
    assert [shape.name for shape in result.distributions] == ["recency", "latency", "repeat"]


def test_a_file_loaded_twice_is_blocked_with_its_remedy(retailer, customer, lines):
    result = build_report(retailer(lines * 2), customer(), AS_OF)
    assert not result.passed
    assert len(result.reasons) == 1
    assert "duplicate_share of 'acme' is 0.5" in result.reasons[0]
    assert "tables.line_items.drop_duplicates: true in customers/acme.yaml" in result.reasons[0]
    assert build_report(retailer(lines * 2), customer(duplicate_share=0.5), AS_OF).passed


def test_a_feed_that_stopped_is_told_although_its_rows_are_sound(retailer, customer, lines):
    fresh = build_report(retailer(lines), customer(), AS_OF, today=AS_OF)
    late = build_report(retailer(lines), customer(), AS_OF, today=datetime(2024, 5, 20))
    assert late.values["freshness_days"] == fresh.values["freshness_days"] + 49
    assert fresh.warnings == ()
    assert ["no sale has come in for more than a month" in told for told in late.warnings] == [True]
    assert late.passed
    assert [fresh.is_as_fresh(days) for days in (0, 20, 49)] == [True, True, False]
    assert [late.is_as_fresh(days) for days in (0, 20, -49)] == [True, True, False]


def test_a_report_survives_json(retailer, customer, lines, make_line):
    for rows in (lines, [], [make_line("1", None, "tea", None)]):
        result = build_report(retailer(rows), customer(anonymos_share=1), AS_OF)
        assert Report.from_json(result.to_json()) == result
        assert "NaN" not in result.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"findings": [{"kpi": 1}], "distributions": []})])
def test_what_is_not_a_report_is_refused_in_words(text):
    with pytest.raises(ValueError, match="not a report that CapFlow wrote"):
        Report.from_json(text)


def test_the_markdown_has_a_row_for_each_kpi(retailer, customer, lines):
    rows = build_report(retailer(lines * 2), customer(), AS_OF).markdown().splitlines()
    assert all(any(row.startswith(f"| {kpi} |") for row in rows) for kpi in KPIS)
    assert {row.count("|") for row in rows} == {5}
    assert any("duplicate_share | 0.5 | **blocks**" in row for row in rows)
    assert any("spend_shift | not known | not judged" in row for row in rows)


def test_a_missing_table_is_named_with_the_command(retailer, customer, lines):
    tables = retailer(lines)
    del tables["bills"]
    with pytest.raises(ValueError, match=r"'acme': validated/bills is missing. Run: capflow run --customer acme"):
        build_report(tables, customer(), AS_OF)
    assert customer_file_name(customer()) == "customers/acme.yaml"


def test_one_day_one_bill_one_user_is_told_in_words(retailer, customer, make_line):
    result = build_report(retailer([make_line("1", "u", "tea", "2024-03-31 10:00")]), customer(), AS_OF)
    assert result.passed
    assert result.values["days_without_sales"] == 0
    assert result.distributions[1].note == "No user has come on two days yet."
    nobody = build_report(retailer([]), customer(), AS_OF)
    assert not nobody.passed
    assert any("line_item_count of 'acme' is 0" in reason for reason in nobody.reasons)
