"""The same retailer kept in CSV, Parquet and SQLite comes out the same to the last digit."""

from datetime import date

import pytest

from capflow_assets.tables import TABLES, clean, drop, filled_columns
from capflow_assets.validation.audit import audit
from capflow_resources import sources
from capflow_resources.simulator import Retailer, customer_file, simulate, write
from partitions.customer_file import load_customer
from partitions.source_kinds import SOURCE_KINDS


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    import ibis

    retailer = Retailer("corner", "food_and_beverage", 200, date(2025, 5, 1), 120, 5, timezone="Europe/London")
    world = simulate(retailer)
    results = {}
    for kind in SOURCE_KINDS:
        home = tmp_path_factory.mktemp(kind)
        write(world, kind, home / "data")
        (home / "corner.yaml").write_text(customer_file(retailer, kind, "${DATA}"), encoding="utf-8")
        customer = load_customer(home / "corner.yaml", {"DATA": str(home / "data")})
        con = ibis.duckdb.connect(threads=1)
        for table, mapping in customer.tables.items():
            raw = con.create_table(f"raw_{table}", sources.read(customer, mapping, con))
            rows = con.create_table(table, clean(table, drop(raw, mapping).kept, mapping, customer.timezone))
            results[kind, table] = (rows, filled_columns(mapping))
    return results


def test_every_row_keeps_the_rules_and_is_the_same_in_every_kind(loaded):
    first: dict[str, list[str]] = {}
    for (kind, table), (rows, filled) in loaded.items():
        assert audit(rows, TABLES[table], filled, {}).failures == (), (kind, table)
        found = sorted(str(tuple(row.values())) for row in rows.to_pyarrow().to_pylist())
        assert found
        assert found == first.setdefault(table, found), (kind, table)
