"""Fixtures: a customer with one source, and the engine that reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from partitions.customer import ColumnMapping, Customer, Source, TableMapping


@pytest.fixture
def con():
    import ibis

    return ibis.duckdb.connect(threads=1)


@pytest.fixture
def acme(tmp_path) -> Callable[..., Customer]:
    """Build 'acme' with the source 'sales' of a kind, read as line_items."""

    def build_customer(
        kind: str,
        uri: str | Path,
        columns: dict[str, ColumnMapping | str],
        options: dict[str, Any] | None = None,
        table: dict[str, Any] | None = None,
        attributes: tuple[str, ...] = (),
    ) -> Customer:
        mapped = {
            name: ColumnMapping(columns=(column,)) if isinstance(column, str) else column
            for name, column in columns.items()
        }
        return Customer(
            name="acme",
            vertical="gifts",
            currency="GBP",
            timezone="Europe/London",
            sources={"sales": Source("sales", kind, str(uri), options or {})},
            tables={"line_items": TableMapping("line_items", "sales", mapped, attributes, options=table or {})},
            path=tmp_path / "customers" / "acme.yaml",
        )

    return build_customer
