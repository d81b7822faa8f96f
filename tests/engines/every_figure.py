"""Every KPI, distribution, feature set and history that a model reads has the same values on every engine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from capflow_assets.features import FEATURE_SETS
from capflow_assets.features.snapshots import before, snapshot_features
from capflow_assets.models.co_purchase import item_history
from capflow_assets.models.visits import spend, visit_history
from capflow_assets.tables import derive_bills
from capflow_assets.validation.distributions import distributions
from capflow_assets.validation.kpis import KPIS, kpis
from tests.engines.compare import assert_equal_rows, equal, rows
from tests.features.feature_world import AS_OF, LINE_TYPES, random_lines

Tables = dict[str, ibis.Table]


def world(con: ibis.BaseBackend, files: Path, users: int) -> Tables:
    """A retailer's validated lines, and the bills derived from them."""
    path = files / f"lines_of_{users}.parquet"
    if not path.exists():
        lines = ibis.memtable(random_lines(7, users=users)[list(LINE_TYPES)], schema=ibis.schema(LINE_TYPES))
        ibis.duckdb.connect(threads=1).to_parquet(lines, path)
    lines = con.read_parquet([str(path)])
    return {"line_items": lines, "bills": derive_bills(lines).cache()}


@pytest.fixture(scope="module")
def worlds(engine: Any, reference: ibis.BaseBackend, files: Path) -> tuple[Tables, Tables]:
    """The same retailer on the engine and on DuckDB."""
    return world(engine, files, 40), world(reference, files, 40)


@pytest.fixture(scope="module")
def anonymous(engine: Any, reference: ibis.BaseBackend, files: Path) -> tuple[Tables, Tables]:
    """A retailer that knows none of its shoppers."""
    return world(engine, files, 0), world(reference, files, 0)


def test_every_kpi(worlds: tuple[Tables, Tables], anonymous: tuple[Tables, Tables]) -> None:
    for ours, theirs in (worlds, anonymous):
        found, expected = (kpis(tables["line_items"], tables["bills"], AS_OF) for tables in (ours, theirs))
        assert list(found) == list(KPIS)
        assert {name: (found[name], value) for name, value in expected.items() if not equal(found[name], value)} == {}


def test_every_distribution(worlds: tuple[Tables, Tables], anonymous: tuple[Tables, Tables]) -> None:
    for ours, theirs in (worlds, anonymous):
        assert distributions(ours["bills"], AS_OF) == distributions(theirs["bills"], AS_OF)


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_every_feature_set(engine: Any, worlds: tuple[Tables, Tables], name: str) -> None:
    dates = [AS_OF - timedelta(days=30, hours=11), AS_OF][: 2 if engine.named == "local" else 1]
    needed = FEATURE_SETS[name].tables
    found, expected = (
        snapshot_features(FEATURE_SETS[name], {table: tables[table] for table in needed}, dates) for tables in worlds
    )
    assert found.schema() == expected.schema()
    assert_equal_rows(rows(found), rows(expected))


def test_what_models_read(worlds: tuple[Tables, Tables]) -> None:
    """Pandas frames, with the same types, in the same order."""
    past, expected_past = (before(tables, AS_OF) for tables in worlds)
    for read in (visit_history, item_history):
        name = "bills" if read is visit_history else "line_items"
        found, expected = read(past[name], AS_OF), read(expected_past[name], AS_OF)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    pd.testing.assert_series_equal(spend(past["bills"]), spend(expected_past["bills"]), check_exact=True)
