"""The names that a customer file may use are exactly those that the layers above offer."""

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.validated.tables import required_columns, required_when_derived
from capflow_resources.sources import KINDS
from partitions.canonical import (
    CANONICAL_COLUMNS,
    NUMBER_COLUMNS,
    REQUIRED_COLUMNS,
    TIME_COLUMNS,
    attribute_column,
)
from partitions.customer import ColumnMapping, TableMapping
from partitions.source_kinds import SOURCE_KINDS


def test_the_file_knows_the_tables_and_their_columns_in_order_with_their_types():
    declared = {
        name: [(column.name, column.dtype) for column in table.columns] for name, table in canonical_tables().items()
    }
    assert declared == {name: list(columns.items()) for name, columns in CANONICAL_COLUMNS.items()}


def test_the_file_knows_which_columns_are_times_and_numbers():
    columns = [column for table in canonical_tables().values() for column in table.columns]
    assert {column.name for column in columns if column.dtype == "timestamp"} == TIME_COLUMNS
    assert {column.name for column in columns if column.dtype in ("float64", "int64")} == NUMBER_COLUMNS


def test_required_columns_are_columns_of_their_table():
    assert REQUIRED_COLUMNS.keys() == CANONICAL_COLUMNS.keys()
    for table, groups in REQUIRED_COLUMNS.items():
        assert {name for group in groups for name in group} <= set(CANONICAL_COLUMNS[table])


def test_the_file_knows_the_kinds_of_source():
    assert SOURCE_KINDS.keys() == KINDS.keys()


def test_every_column_says_what_it_is_and_keys_are_columns():
    for table in canonical_tables().values():
        assert all(column.description.endswith((".", ";")) for column in table.columns)
        assert set(table.key) <= {column.name for column in table.columns}
        assert all(rule.remedy.endswith(".") for column in table.columns for rule in column.rules)


def test_an_attribute_becomes_a_column_name_that_any_store_can_hold():
    assert attribute_column("Home Owner?") == "attribute_home_owner"
    assert attribute_column("age") == "attribute_age"


def test_times_need_not_be_filled_where_they_are_not_mapped():
    without = TableMapping("line_items", "s", {"item_id": ColumnMapping(("i",)), "amount": ColumnMapping(("a",))})
    with_times = TableMapping("line_items", "s", {**without.columns, "ts": ColumnMapping(("t",))})
    assert "ts" not in required_columns(without)
    assert "ts" in required_columns(with_times)
    assert {"item_id", "bill_id", "unit_price", "quantity"} <= required_columns(without)
    assert "ts" not in required_when_derived(without)
    assert "ts" in required_when_derived(with_times)
