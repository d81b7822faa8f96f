"""Clean simulated retailers of every vertical pass; a file loaded twice and cents for units are blocked."""

from datetime import date, timedelta

import pytest

from capflow_assets.simulator import Retailer, simulate
from capflow_assets.validation.kpis.integrity import RELATIONS
from capflow_assets.validation.report import build_report

SIZES = {"food_and_beverage": 150, "fashion": 500, "footwear": 500}


def judged(retailer, customer, vertical, *defects):
    lines = simulate(Retailer("acme", vertical, SIZES[vertical], date(2025, 1, 1), 365, 3, defects)).line_items
    amounts = lines["quantity"] * lines["unit_price"] - lines["discount"]
    columns = ("bill_id", "user_id", "item_id", "ts", "quantity", "unit_price", "discount")
    values = [[None if value != value else value for value in lines[name].tolist()] for name in columns]
    empty = [None] * len(lines)
    rows = list(zip(*values, amounts.tolist(), empty, empty, lines["is_return"].tolist(), strict=True))
    return build_report(retailer(rows), customer(), lines["ts"].max().to_pydatetime() + timedelta(days=1))


@pytest.mark.parametrize("vertical", SIZES)
def test_a_clean_one_passes(retailer, customer, vertical):
    result = judged(retailer, customer, vertical)
    assert (result.passed, result.reasons, result.warnings) == (True, (), ())
    assert {kpi for kpi, value in result.values.items() if value is None} == set(RELATIONS), "nothing else is sent"


@pytest.mark.parametrize(("defect", "kpi"), [("duplicated_load", "duplicate_share"), ("cents", "spend_shift")])
def test_a_spoilt_one_is_blocked_by_the_kpi_that_names_the_accident(retailer, customer, defect, kpi):
    result = judged(retailer, customer, "food_and_beverage", defect)
    assert any(reason.startswith(f"{kpi} of 'acme' is") for reason in result.reasons)
