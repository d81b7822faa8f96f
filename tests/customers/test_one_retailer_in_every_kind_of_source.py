"""The same retailer kept in every kind of source comes out the same to the last digit."""

from dataclasses import replace
from datetime import date

import pytest

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.simulator import LAYOUTS, Retailer, customer_file, simulate, source_frame, write
from capflow_assets.validated.audit.audit import audit_table
from capflow_assets.validated.tables import clean, drop_rows, required_columns
from capflow_resources import sources
from partitions.customer import Customer, Source
from partitions.customer_file import load_customer
from tests.sources.writers import JOINED

RETAILER = Retailer("corner", "food_and_beverage", 200, date(2025, 5, 1), 120, 5, timezone="Europe/London")
IN_FILES = "parquet"  # the layout that other kinds keep the retailer's tables by


@pytest.fixture(scope="module")
def world():
    return simulate(RETAILER)


@pytest.fixture(scope="module")
def expected(world, tmp_path_factory):
    return canonical_rows(exported(world, IN_FILES, tmp_path_factory.mktemp("expected")))


@pytest.mark.parametrize("kind", sorted(LAYOUTS))
def test_what_the_simulator_writes_is_the_same_in_every_kind(world, expected, kind, tmp_path):
    assert canonical_rows(exported(world, kind, tmp_path)) == expected


@pytest.mark.parametrize("name", sorted(JOINED.keys() - LAYOUTS.keys()))
def test_every_row_keeps_the_rules_and_is_the_same_in_every_kind(world, expected, name, request, tmp_path):
    joined = JOINED[name]
    server = request.getfixturevalue(joined.server) if joined.server else None
    customer = exported(world, IN_FILES, tmp_path / "layout")
    kept_in, tables = {}, {}
    for table, mapping in customer.tables.items():
        rows = source_frame(getattr(world, table), LAYOUTS[IN_FILES].tables[table])
        kept = joined.write(tmp_path, f"corner_{table}", rows, server)
        kept_in[table] = Source(table, joined.kind, kept.uri, kept.options)
        tables[table] = replace(mapping, source=table, options={**mapping.options, **kept.table})
    assert canonical_rows(replace(customer, sources=kept_in, tables=tables)) == expected


def exported(world, kind, folder) -> Customer:
    """The retailer as the simulator writes it, by the customer file that it comes with."""
    folder.mkdir(exist_ok=True)
    write(world, kind, folder / "data")
    (folder / "corner.yaml").write_text(customer_file(RETAILER, kind, "${DATA}"), encoding="utf-8")
    return load_customer(folder / "corner.yaml", {"DATA": str(folder / "data")})


def canonical_rows(customer: Customer) -> dict[str, list[str]]:
    """The cleaned rows of every table, in order, each as text; a row that breaks a rule fails the test."""
    import ibis

    con = ibis.duckdb.connect(threads=1)
    found = {}
    for table, mapping in customer.tables.items():
        with sources.explain_errors(customer, mapping):
            raw = con.create_table(f"raw_{table}", sources.read(customer, mapping, con))
        rows = con.create_table(table, clean(table, drop_rows(raw, mapping).kept, mapping, customer.timezone))
        assert audit_table(rows, canonical_tables()[table], required_columns(mapping), {}).failures == (), table
        found[table] = sorted(str(tuple(row.values())) for row in rows.to_pyarrow().to_pylist())
        assert found[table]
    con.disconnect()
    return found
