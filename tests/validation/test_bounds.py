"""Defects are blocked with the key that mends them; clean and real retailers pass."""

import re
from datetime import datetime, timedelta

import pytest

from capflow_assets.validation.bounds import BOUNDS, Finding, find_kpis
from capflow_assets.validation.kpis.kpis import KPIS, measure_kpis

FINE = {kpi: 0.0 for kpi in KPIS} | {
    "line_item_count": 10.0, "bills": 5.0, "users": 3.0, "active_users": 2.0, "spend_shift": 1.0,
    "total_bill_amount": 9.0,
}  # fmt: skip


def found(values, customer) -> dict[str, Finding]:
    return {finding.kpi: finding for finding in find_kpis(FINE | values, customer)}


def test_a_clean_retailer_passes_every_bound(customer):
    findings = find_kpis(FINE, customer())
    assert [finding.kpi for finding in findings] == [kpi for kpi in KPIS if kpi in BOUNDS]
    assert all(finding.passed and not finding.remedy for finding in findings)


@pytest.mark.parametrize(
    ("kpi", "value", "severity"),
    [
        ("duplicate_share", 0.051, "block"),
        ("anonymous_share", 0.51, "warn"),
        ("anonymous_share", 0.91, "block"),
        ("return_share", 0.51, "block"),
        ("spend_shift", 5.1, "block"),
        ("spend_shift", 0.19, "block"),
        ("price_outlier_share", 0.06, "block"),
        ("zero_price_share", 0.2, "warn"),
        ("zero_price_share", 0.6, "block"),
        ("line_item_count", 0, "block"),
        ("bills", 0, "block"),
        ("total_bill_amount", -1, "block"),
        ("users", 0, "warn"),
        ("active_users", 0, "warn"),
        ("freshness_days", 36, "warn"),
        ("days_without_sales", 0.6, "warn"),
        ("longest_gap_days", 366, "block"),
    ],
)
def test_what_is_out_of_bounds_says_what_where_and_what_to_do(customer, kpi, value, severity):
    finding = found({kpi: value}, customer())[kpi]
    assert (finding.passed, finding.severity, finding.source) == (False, severity, "default")
    assert finding.blocks is (severity == "block")
    assert f"{kpi} of 'acme' is" in finding.message
    assert "customers/acme.yaml" in finding.remedy
    assert "{" not in finding.message + finding.remedy


def test_bounds_include_their_ends(customer):
    ends = {"duplicate_share": 0.05, "spend_shift": 5.0, "anonymous_share": 0.5, "return_share": 0.5}
    assert all(finding.passed for finding in found(ends, customer()).values())


def test_the_customer_file_beats_the_default(customer):
    lax = found({"anonymous_share": 0.95}, customer(anonymous_share=0.96))["anonymous_share"]
    assert (lax.passed, lax.source, lax.high) == (True, "customer file", 0.96)
    strict = found({"anonymous_share": 0.2}, customer(anonymous_share=0.1))["anonymous_share"]
    assert strict.blocks
    assert "customer file: at most 0.1" in strict.message
    assert found({"spend_shift": 0.12}, customer(spend_shift=10))["spend_shift"].passed
    assert found({"freshness_days": 3}, customer(freshness_days=2))["freshness_days"].severity == "warn"


def test_a_threshold_gives_a_kpi_without_default_a_least_value(customer):
    finding = found({"bills_per_user": 1.0}, customer(bills_per_user=1.5))["bills_per_user"]
    assert finding.blocks
    assert (finding.low, finding.high) == (1.5, None)


def test_what_cannot_be_told_passes_and_says_so(customer):
    finding = found({"spend_shift": None}, customer())["spend_shift"]
    assert finding.passed
    assert "cannot be told" in finding.message
    assert not found({"spend_shift": float("nan")}, customer())["spend_shift"].passed


def test_a_misspelt_threshold_is_told_and_other_thresholds_are_left_alone(customer):
    findings = find_kpis(FINE, customer(anonymos_share=0.9, invalid_share=0.5))
    assert [(f.kpi, f.passed, f.blocks) for f in findings if not f.passed] == [("anonymos_share", False, False)]
    assert "thresholds.anonymous_share" in findings[-1].remedy


def test_every_bound_is_of_a_kpi_and_names_a_key_of_the_customer_file():
    assert set(BOUNDS) <= set(KPIS)
    for bound in (bound for bounds in BOUNDS.values() for bound in bounds):
        assert re.search(r"(tables|thresholds)\.\w+", bound.remedy), bound
        assert "{file}" in bound.remedy
        assert bound.low is not None or bound.high is not None


def test_real_retailers_pass(real_retailer, customer):
    _, tables = real_retailer
    as_of = tables["bills"].ts.max().execute().to_pydatetime() + timedelta(days=1)
    values = measure_kpis(tables["line_items"], tables["bills"], as_of)
    assert [finding for finding in find_kpis(values, customer()) if not finding.passed] == []
    assert [
        finding.kpi
        for finding in find_kpis(measure_kpis(*two(tables), datetime(2026, 1, 1)), customer())
        if finding.blocks
    ] == []


def two(tables):
    return tables["line_items"], tables["bills"]


DEFECTS = {
    "duplicate_share": "insert into line_items from line_items where hash(bill_id) % 10 = 0",
    "anonymous_share": "update line_items set user_id = null",
    "return_share": "update line_items set is_return = true, amount = -abs(amount) where hash(bill_id) % 10 < 7",
    "spend_shift": "update line_items set amount = amount * 100, unit_price = unit_price * 100"
    " where ts > timestamp '2010-11-01'",
    "longest_gap_days": "update line_items set ts = timestamp '1970-01-01' where bill_id = '489434'",
    "price_outlier_share": "update line_items set unit_price = unit_price * 100 where hash(bill_id) % 10 = 0",
}


@pytest.mark.parametrize("kpi", DEFECTS)
def test_a_defect_in_a_real_retailer_is_blocked_by_the_kpi_that_names_it(giftco, customer, kpi):
    con = giftco["line_items"].get_backend()
    con.con.execute(DEFECTS[kpi])
    con.con.execute("create or replace table bills as select bill_id, min(user_id) user_id, min(ts) ts,"
                    " sum(amount) amount, count(*) line_item_count, bool_and(is_return) is_return"
                    " from line_items group by bill_id")  # fmt: skip
    values = measure_kpis(giftco["line_items"], con.table("bills"), datetime(2010, 12, 10))
    assert kpi in {finding.kpi for finding in find_kpis(values, customer()) if finding.blocks}
