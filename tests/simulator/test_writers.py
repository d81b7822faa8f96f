"""What is written can be read back: as many lines, the same money, and under the names of the customer file."""

import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from capflow_assets.simulator import (
    DEMO,
    DemoRetailer,
    Retailer,
    SimulatedData,
    customer_file,
    simulate,
    write,
    write_demo,
)
from partitions.customer import Customer
from partitions.customer_file import load_customer

KINDS = ("csv", "sqlite", "parquet")
TABLES = ("line_items", "users", "items", "contacts")
RETAILER = Retailer("tiny", "footwear", 150, date(2025, 9, 1), 300, seed=6, defects=("duplicated_load",))


@pytest.fixture(scope="module")
def world() -> SimulatedData:
    return simulate(RETAILER)


def load(retailer: Retailer, kind: str, folder: Path) -> Customer:
    """The retailer as CapFlow understands its customer file, whose data lies in `folder`."""
    path = folder / f"{retailer.name}.yaml"
    path.write_text(customer_file(retailer, kind, "${CAPFLOW_DEMO_DATA}"))
    customer = load_customer(path, {"CAPFLOW_DEMO_DATA": str(folder)})
    path.unlink()
    return customer


def read_back(customer: Customer, table: str) -> pd.DataFrame:
    """The source table that the customer file maps, as its own system reads it."""
    mapping = customer.tables[table]
    source = customer.sources[mapping.source]
    if source.kind == "sqlite":
        return pd.read_sql(f"SELECT * FROM {mapping.options['table']}", sqlite3.connect(source.uri))
    reader = "read_csv(?, all_varchar=true)" if source.kind == "csv" else "read_parquet(?)"
    return duckdb.sql(f"SELECT * FROM {reader}", params=[source.uri]).df()


def cents(quantity: pd.Series, price: pd.Series, discount: pd.Series) -> int:
    amounts = quantity.astype(float) * price.astype(float) - discount.astype(float)
    return int((amounts * 100).round().sum())


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind: str, world: SimulatedData, tmp_path: Path) -> None:
    write(world, kind, tmp_path)
    customer = load(RETAILER, kind, tmp_path)
    assert (customer.name, customer.vertical, set(customer.tables)) == ("tiny", "footwear", set(TABLES))
    for table, mapping in customer.tables.items():
        frame = read_back(customer, table)
        assert len(frame) == len(getattr(world, table))
        named = [name for column in mapping.columns.values() for name in column.columns]
        assert sorted([*named, *mapping.attributes]) == sorted(frame.columns)
    written, columns = world.line_items, customer.tables["line_items"].columns
    lines = read_back(customer, "line_items")
    read = {name: lines[mapped.columns[0]] for name, mapped in columns.items()}
    money = ("quantity", "unit_price", "discount")
    assert cents(*(read[name] for name in money)) == cents(*(written[name] for name in money))
    assert read["user_id"].isna().sum() == written["user_id"].isna().sum()
    assert sorted(pd.to_datetime(read["ts"], format=columns["ts"].format)) == sorted(written["ts"])


def test_a_category_path_is_put_together_again(world: SimulatedData, tmp_path: Path) -> None:
    write(world, "parquet", tmp_path)
    customer = load(RETAILER, "parquet", tmp_path)
    items = read_back(customer, "items")
    first, second = customer.tables["items"].columns["category"].columns
    assert (items[first] + " > " + items[second]).tolist() == world.items["category"].tolist()


def test_returns_are_told_by_their_receipt_where_there_is_no_flag(world: SimulatedData, tmp_path: Path) -> None:
    write(world, "csv", tmp_path)
    customer = load(RETAILER, "csv", tmp_path)
    rule = customer.tables["line_items"].returns
    assert rule is not None
    receipts = read_back(customer, "line_items")["Receipt"]
    assert receipts.str.startswith(rule.prefix).sum() == world.line_items["is_return"].sum() > 0


def test_sales_are_one_csv_a_quarter_and_the_copies_another(world: SimulatedData, tmp_path: Path) -> None:
    write(world, "csv", tmp_path)
    names = sorted(path.name for path in tmp_path.glob("sales_*.csv"))
    quarters = ("2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2 (1)", "2026-Q2")
    assert names == [f"sales_{quarter}.csv" for quarter in quarters]
    assert (tmp_path / "sales_2026-Q2 (1).csv").read_bytes() == (tmp_path / "sales_2026-Q2.csv").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_unreadable_dates_are_written_as_they_are(kind: str, tmp_path: Path) -> None:
    retailer = replace(RETAILER, defects=("text_dates",))
    spoilt = simulate(retailer)
    write(spoilt, kind, tmp_path)
    customer = load(retailer, kind, tmp_path)
    lines = read_back(customer, "line_items")
    times = lines[customer.tables["line_items"].columns["ts"].columns[0]].astype(str)
    assert len(lines) == len(spoilt.line_items)
    assert times.str.endswith("25:00:00").sum() == spoilt.line_items["ts"].str.endswith("25:00:00").sum() > 0


def test_the_database_has_types_keys_and_indexes(world: SimulatedData, tmp_path: Path) -> None:
    write(world, "sqlite", tmp_path)
    write(world, "sqlite", tmp_path)  # a second time replaces the first
    database = sqlite3.connect(tmp_path / "till.db")
    types = {name: kind for _, name, kind, *_ in database.execute("PRAGMA table_info(sale_line)")}
    assert (types["units"], types["is_refund"], types["rung_up_at"]) == ("REAL", "INTEGER", "TEXT")
    plan = database.execute("EXPLAIN QUERY PLAN SELECT * FROM sale_line WHERE rung_up_at >= '2026-01-01'").fetchall()
    assert "USING INDEX" in str(plan)
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO member (member_no) VALUES ('U00001')")
    assert [path.name for path in tmp_path.iterdir()] == ["till.db"]


def test_the_demo_is_three_verticals_in_three_kinds_with_one_defect() -> None:
    assert sorted(demo.kind for demo in DEMO) == sorted(KINDS)
    assert {demo.retailer.vertical for demo in DEMO} == {"food_and_beverage", "fashion", "footwear"}
    assert [demo.retailer.defects for demo in DEMO if demo.retailer.defects] == [("duplicated_load",)]
    for demo in DEMO:
        assert demo.retailer.end == date(2026, 11, 1)
        uris = [source["uri"] for source in yaml.safe_load(demo.customer_file())["sources"].values()]
        assert all(uri.startswith(f"${{CAPFLOW_HOME}}/demo-data/{demo.retailer.name}/") for uri in uris)


def test_the_demo_is_written_once_and_whole(tmp_path: Path) -> None:
    demo = DemoRetailer(RETAILER, "csv")
    (tmp_path / ".tiny.unfinished").mkdir()
    (tmp_path / ".tiny.unfinished" / "sales_1999-Q1.csv").write_text("left by a run that was killed")
    assert write_demo(demo, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    assert not (tmp_path / "tiny" / "sales_1999-Q1.csv").exists()
    assert not write_demo(demo, tmp_path)
