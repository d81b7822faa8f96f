"""Three real retailers: what is proposed is what a person wrote by hand, but for what the data cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from partitions.customer_file import load_customer
from tests.onboarding.conftest import Proposed, mapped

FILES = Path(__file__).resolve().parents[1] / "customers"
ZONES = {"grocerus": "America/New_York"}
# What a person added from outside the data, with the reason that CapFlow does not.
ONLY_A_PERSON_KNOWS = {
    ("grocerus", "line_items", "channel"): "that all sales were in stores stands nowhere in the data; a note is left",
    ("grocerus", "contacts", "channel"): "that campaigns came by mail stands nowhere in the data; a note is left",
    ("grocerus", "contacts", "treated"): "a list of contacts does not say that none was a control; a note is left",
}


@pytest.mark.parametrize("name", ["giftco", "grocerus", "vendcafe"])
def test_every_column_is_mapped_as_by_hand(real: Proposed, name: str) -> None:
    by_hand = load_customer(FILES / f"{name}.yaml", {"CAPFLOW_REAL_DATA": "/data"})
    proposal = real(name, ZONES.get(name))
    assert set(proposal.tables) == set(by_hand.tables)
    for table, mapping in by_hand.tables.items():
        proposed = proposal.tables[table]
        wanted = {
            column: mapped_.columns
            for column, mapped_ in mapping.columns.items()
            if (name, table, column) not in ONLY_A_PERSON_KNOWS
        }
        assert {column: found.sources for column, found in proposed.columns.items()} == wanted
        for column, mapped_ in mapping.columns.items():
            if column in proposed.columns:
                found = proposed.columns[column]
                assert (found.format, found.timezone) == (mapped_.format, mapped_.timezone), (table, column)
        assert proposed.attributes == mapping.attributes
        assert proposed.distinct == bool(mapping.options.get("distinct"))
        assert proposed.drop_duplicates == mapping.drop_duplicates
        assert proposed.rules.returns == (f"starts with {mapping.returns.prefix} in bill_id" if mapping.returns else "")


def test_what_is_no_goods_is_found_by_code_and_text(real: Proposed) -> None:
    by_hand = load_customer(FILES / "giftco.yaml", {"CAPFLOW_REAL_DATA": "/data"}).tables["line_items"].drop_items
    rules = real("giftco").tables["line_items"].rules
    # PADS reads like goods ("PADS TO MATCH ALL CUSHIONS") and C3 has no text: both are asked about.
    assert set(by_hand) - set(rules.drop_items) == {"PADS", "C3"}
    assert {"PADS", "C3"} <= set(rules.doubtful_items)
    assert set(rules.drop_items) <= set(by_hand)


def test_us_dates_are_proved_and_the_order_of_day_and_month_told(real: Proposed) -> None:
    ts = real("vendcafe").tables["line_items"].columns["ts"]
    assert "the month comes first: only the other place has numbers above 12" in ts.reasons
    assert ts.confidence == "sure"
    assert ts.alternatives == ()


def test_times_that_sleep_at_noon_are_utc(real: Proposed) -> None:
    assert real("grocerus", "America/New_York").tables["line_items"].columns["ts"].timezone == "UTC"
    assert "seem to be UTC" in real("grocerus", "America/New_York").tables["line_items"].notes[0]


def test_what_is_not_used_is_told(real: Proposed) -> None:
    proposal = real("grocerus", "America/New_York")
    unused = {table.name for table in proposal.unused}
    assert unused == {"campaign_descriptions", "coupon_redemptions", "coupons", "promotions_sample"}
    assert proposal.leftover_columns()["transactions_sample"] == ["coupon_disc", "coupon_match_disc", "week"]
    assert any("retail_disc, or coupon_disc" in question for question in proposal.questions)


def test_guesses_are_said_to_be_guesses(real: Proposed) -> None:
    assert real("vendcafe").tables["line_items"].columns["channel"].confidence == "guess"
    assert "line_items.channel: is cash_type right?" in real("vendcafe").questions
    for name in ("giftco", "grocerus"):
        lines = real(name, ZONES.get(name)).tables["line_items"].columns
        sure = {column for column, found in lines.items() if found.confidence == "sure"}
        assert sure >= {"bill_id", "user_id", "item_id", "ts", "quantity"}


def test_purchases_without_items_are_taken_as_such(real: Proposed) -> None:
    proposal = real("cdnow")
    assert mapped(proposal, "line_items") == {
        "user_id": "customer_id",
        "ts": "date",
        "amount": "amount",
        "item_id": "any",
    } | ({"quantity": "cds"} if "quantity" in proposal.tables["line_items"].columns else {})
    assert proposal.tables["line_items"].facts.name == "cdnow_master"
    assert "no column names what was sold" in proposal.tables["line_items"].notes[0]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("baskets", "lacks a price or amount"),
        ("books/ratings.parquet", "reviews (ratings)"),
        ("reviews", "reviews (womens_clothing_reviews)"),
        ("uplift", "lacks an item and a time, bill or shopper"),
        ("churn", "no table here holds sales"),
        ("images", "media (clothing)"),
    ],
)
def test_data_that_is_no_sales_is_refused_with_what_it_is(real: Proposed, data: str, told: str) -> None:
    proposal = real(data)
    assert proposal.tables == {}
    assert told in proposal.missing
