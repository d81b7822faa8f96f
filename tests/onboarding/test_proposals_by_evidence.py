"""Names help and are not needed: renamed, translated and simulated sources, and columns that mislead."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from capflow_assets.simulator import Retailer, SimulatedData, simulate, write
from capflow_assets.simulator.layouts import LAYOUTS
from tests.onboarding.conftest import Proposed, mapped

SHOP = Retailer("shop", "fashion", 150, date(2025, 5, 1), 400, seed=5, timezone="UTC")


@pytest.fixture(scope="module")
def world() -> SimulatedData:
    return simulate(SHOP)


@pytest.mark.parametrize("kind", ["csv", "sqlite", "parquet"])
def test_a_simulated_retailer_is_mapped_as_it_was_written(
    proposed: Proposed, world: SimulatedData, tmp_path: Path, kind: str
) -> None:
    write(world, kind, tmp_path)
    proposal = proposed(str(tmp_path))
    for table, layout in LAYOUTS[kind].tables.items():
        assert mapped(proposal, table) == dict(layout.columns), table
        columns = proposal.tables[table].columns
        assert {name: columns[name].format for name in columns if columns[name].format} == dict(layout.formats)
        assert set(proposal.tables[table].attributes) == set(layout.attributes.values())
        assert proposal.tables[table].rules.returns == (layout.returns or "")


TRANSLATED = {
    "german": {
        "Invoice": "Rechnungsnummer",
        "StockCode": "Artikelnummer",
        "Description": "Bezeichnung",
        "Quantity": "Menge",
        "InvoiceDate": "Rechnungsdatum",
        "Price": "Einzelpreis",
        "CustomerID": "Kundennummer",
        "Country": "Land",
    },
    "nothing": {name: f"c{number}" for number, name in enumerate(("Country", "Price", "InvoiceDate", "CustomerID"))}
    | {name: f"d{number}" for number, name in enumerate(("StockCode", "Quantity", "Invoice", "Description"))},
}
WANTED = {
    "bill_id": "Invoice",
    "user_id": "CustomerID",
    "item_id": "StockCode",
    "ts": "InvoiceDate",
    "quantity": "Quantity",
    "unit_price": "Price",
}


@pytest.mark.parametrize("language", TRANSLATED)
def test_names_of_any_language_or_of_none(proposed: Proposed, real_data: Path, tmp_path: Path, language: str) -> None:
    import duckdb

    names = TRANSLATED[language]
    chosen = ", ".join(f'"{name}" AS "{other}"' for name, other in sorted(names.items(), key=lambda pair: pair[1]))
    source = f"(FROM '{real_data}/giftco/*.parquet' LIMIT 30000)"
    duckdb.sql(f"COPY (SELECT {chosen} FROM {source}) TO '{tmp_path}/data.parquet'")
    proposal = proposed(str(tmp_path))
    lines = mapped(proposal, "line_items")
    assert {column: lines.get(column) for column in WANTED} == {c: names[name] for c, name in WANTED.items()}
    assert mapped(proposal, "items")["description"] == names["Description"]
    assert proposal.tables["users"].attributes == (names["Country"],)
    assert proposal.tables["line_items"].rules.returns == "starts with C in bill_id"
    confidences = {proposal.tables["line_items"].columns[column].confidence for column in WANTED}
    if language == "nothing":
        assert "sure" not in confidences
    else:
        assert confidences == {"sure"}


def test_tables_with_meaningless_names_are_told_by_what_they_share(
    proposed: Proposed, real_data: Path, tmp_path: Path
) -> None:
    import duckdb

    for number, name in enumerate(("transactions_sample", "products", "demographics")):
        columns = duckdb.sql(f"FROM '{real_data}/grocerus/{name}.parquet'").columns
        chosen = ", ".join(f'"{column}" AS x{number}_{place}' for place, column in enumerate(columns))
        duckdb.sql(
            f"COPY (SELECT {chosen} FROM '{real_data}/grocerus/{name}.parquet') TO '{tmp_path}/t{number}.parquet'"
        )
        if number == 0:
            place = {column: f"x0_{index}" for index, column in enumerate(columns)}
    proposal = proposed(str(tmp_path))
    lines = mapped(proposal, "line_items")
    wanted = {
        "bill_id": "basket_id",
        "user_id": "household_id",
        "item_id": "product_id",
        "ts": "transaction_timestamp",
        "quantity": "quantity",
        "amount": "sales_value",
    }
    assert {column: lines.get(column) for column in wanted} == {column: place[name] for column, name in wanted.items()}
    assert mapped(proposal, "items")["item_id"] == "x1_0"
    assert mapped(proposal, "users")["user_id"] == "x2_0"


def test_a_name_does_not_win_against_the_values(proposed: Proposed, world: SimulatedData, tmp_path: Path) -> None:
    lines = world.line_items.rename(columns={"bill_id": "item_code", "item_id": "receipt_no"})
    lines.to_parquet(tmp_path / "sales.parquet")
    proposal = proposed(str(tmp_path))
    columns = proposal.tables["line_items"].columns
    assert columns["bill_id"].sources == ("item_code",) or columns["bill_id"].confidence != "sure"
    assert columns["item_id"].sources == ("receipt_no",) or columns["item_id"].confidence != "sure"


def test_the_product_of_quantity_and_price_less_the_discount_is_the_amount(
    proposed: Proposed, world: SimulatedData, tmp_path: Path
) -> None:
    lines = world.line_items
    lines = lines.assign(amount=(lines.quantity * lines.unit_price - lines.discount).round(2))
    names = {"quantity": "k1", "unit_price": "k2", "discount": "k3", "amount": "k4"}
    lines[lines.quantity > 0].drop(columns="is_return").rename(columns=names).to_parquet(tmp_path / "sales.parquet")
    found = mapped(proposed(str(tmp_path)), "line_items")
    assert {column: found.get(column) for column in names} == names


def test_bills_and_lines_in_two_tables_are_told_apart(proposed: Proposed, world: SimulatedData, tmp_path: Path) -> None:
    lines = world.line_items
    lines = lines.assign(amount=(lines.quantity * lines.unit_price - lines.discount).round(2))
    bills = lines.groupby("bill_id").agg(user_id=("user_id", "first"), ts=("ts", "first"), total=("amount", "sum"))
    bills.reset_index().rename(
        columns={"bill_id": "order_id", "user_id": "customer_id", "ts": "ordered_at"}
    ).to_parquet(tmp_path / "orders.parquet")
    kept = lines[["bill_id", "item_id", "quantity", "amount"]]
    kept.rename(columns={"bill_id": "order_id", "item_id": "sku"}).to_parquet(tmp_path / "order_lines.parquet")
    proposal = proposed(str(tmp_path))
    assert proposal.tables["line_items"].facts.name == "order_lines"
    assert mapped(proposal, "line_items") == {
        "bill_id": "order_id",
        "item_id": "sku",
        "quantity": "quantity",
        "amount": "amount",
    }
    assert mapped(proposal, "bills") == {
        "bill_id": "order_id",
        "user_id": "customer_id",
        "ts": "ordered_at",
        "amount": "total",
    }
    assert any("no ts" in question and "orders has it" in question for question in proposal.questions)


def test_an_empty_table_is_no_sales(proposed: Proposed, world: SimulatedData, tmp_path: Path) -> None:
    world.line_items.head(0).to_parquet(tmp_path / "sales.parquet")
    assert "no table here holds sales" in proposed(str(tmp_path)).missing


def test_returns_with_positive_quantities_are_found_by_what_was_bought_before(
    proposed: Proposed, tmp_path: Path
) -> None:
    lines = simulate(replace(SHOP, seed=9)).line_items.drop(columns="is_return")
    lines = lines.assign(quantity=lines.quantity.abs(), discount=lines.discount.abs())
    lines.to_parquet(tmp_path / "sales.parquet")
    assert proposed(str(tmp_path)).tables["line_items"].rules.returns == "starts with R in bill_id"
