"""A small raw table, cleaned on DuckDB whose session lives in another time zone than the customer."""

from collections.abc import Callable
from typing import Any

import pytest

from capflow_assets.validated.tables import clean
from partitions.customer import ColumnMapping, TableMapping


@pytest.fixture(scope="session")
def con():
    import ibis

    connection = ibis.duckdb.connect(threads=1)
    connection.raw_sql("SET TimeZone = 'Pacific/Auckland'")
    return connection


@pytest.fixture(scope="session")
def mapping_of() -> Callable[..., TableMapping]:
    """A mapping whose source columns are named as the canonical ones."""

    def built(table: str, names: Any, **more: Any) -> TableMapping:
        columns = {name: ColumnMapping(columns=(name,)) for name in names}
        return TableMapping(table, "s", {**columns, **more.pop("columns", {})}, **more)

    return built


@pytest.fixture
def cleaned(con, mapping_of) -> Callable[..., list[dict[str, Any]]]:
    """Clean rows given as columns; the result in the order of its own columns' values."""

    def rows(table: str, data: dict[str, Any], timezone: str = "Europe/London", **more: Any) -> list[dict[str, Any]]:
        import ibis
        import pyarrow as pa

        arrays = {name: pa.array(values) for name, values in data.items()}
        typed = {name: array.cast("string") if array.type == pa.null() else array for name, array in arrays.items()}
        raw = con.create_table(ibis.util.gen_name("raw"), pa.table(typed), temp=True)
        named = [name for name in data if not name.startswith("attribute_")]
        result = clean(table, raw, mapping_of(table, named, **more), timezone)
        found = con.to_pyarrow(result).to_pylist()
        return sorted(found, key=lambda row: [str(value) for value in row.values()])

    return rows
