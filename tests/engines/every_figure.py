"""Every KPI, distribution, feature set and history that a model reads has the same values on every engine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.features.sets.recursive import recursive_with, sample
from capflow_assets.features.snapshots import build_snapshots, cut_before
from capflow_assets.methods.recommend.co_purchase import item_history
from capflow_assets.methods.visits import spend_by_user, visit_history
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.validated.tables import derive_bills
from capflow_assets.validation.history.daily_panel import build_daily_panel
from capflow_assets.validation.kpis.distributions import measure_distributions
from capflow_assets.validation.kpis.kpis import KPIS, measure_kpis
from capflow_assets.validation.offending import BLAMED, offending_rows
from tests.engines.compare import assert_equal_rows, equal, rows
from tests.features.feature_world import (
    AS_OF,
    CONTACT_TYPES,
    ITEM_TYPES,
    LINE_TYPES,
    random_contacts,
    random_items,
    random_lines,
)

Tables = dict[str, ibis.Table]


def world(con: ibis.BaseBackend, files: Path, users: int) -> Tables:
    """A retailer's validated lines, the bills derived from them, its items and its contacts."""
    made = {
        "line_items": (random_lines(7, users=users)[list(LINE_TYPES)], LINE_TYPES),
        "items": (random_items(), ITEM_TYPES),
        "contacts": (random_contacts(7), CONTACT_TYPES),
    }
    tables = {}
    for name, (frame, types) in made.items():
        path = files / f"{name}_of_{users}.parquet"
        if not path.exists():
            ibis.duckdb.connect(threads=1).to_parquet(ibis.memtable(frame, schema=ibis.schema(types)), path)
        tables[name] = con.read_parquet([str(path)])
    return {**tables, "bills": derive_bills(tables["line_items"]).cache()}


@pytest.fixture(scope="module")
def worlds(engine: Any, reference: ibis.BaseBackend, files: Path) -> tuple[Tables, Tables]:
    """The same retailer on the engine and on DuckDB."""
    return world(engine, files, 40), world(reference, files, 40)


@pytest.fixture(scope="module")
def anonymous(engine: Any, reference: ibis.BaseBackend, files: Path) -> tuple[Tables, Tables]:
    """A retailer that knows none of its shoppers."""
    return world(engine, files, 0), world(reference, files, 0)


def spoilt(tables: Tables) -> Tables:
    """The retailer with copies, prices far off, and tables that do not know all of one another."""
    lines, bills = tables["line_items"], tables["bills"]
    few = lines.filter(lines["item_id"] == "i4")
    dear = few.mutate(bill_id=few["bill_id"] + "x", unit_price=few["unit_price"] * 1000)
    subjects = lines.select(item_id=lines["item_id"].replace("i4", "nothing"), user_id=lines["user_id"], ts=lines["ts"])
    return {
        "line_items": lines.union(few).union(dear.mutate(unit_price=ibis.literal(0.0))).union(dear),
        "bills": bills.filter(bills["bill_id"] != "b8").union(bills.mutate(bill_id=bills["bill_id"] + "y")),
        "users": lines.filter(lines["user_id"] != "u3").select("user_id").distinct(),
        "items": lines.filter(lines["item_id"] != "i5").select("item_id").distinct(),
        "contacts": subjects.select(user_id=subjects["user_id"].replace("u3", "nobody"), sent_at=subjects["ts"]),
        "reviews": subjects.mutate(item_id=subjects["item_id"].nullif("i6")),
        "media": subjects.drop("ts"),
    }


def test_every_kpi(worlds: tuple[Tables, Tables], anonymous: tuple[Tables, Tables]) -> None:
    for pair in (tuple(map(spoilt, worlds)), anonymous):
        found, expected = (
            measure_kpis(tables["line_items"], tables["bills"], AS_OF, tables, now=True) for tables in pair
        )
        assert list(found) == list(KPIS)
        assert {name: (found[name], value) for name, value in expected.items() if not equal(found[name], value)} == {}


def test_the_rows_to_blame_for_a_kpi(engine: Any, worlds: tuple[Tables, Tables]) -> None:
    ours, theirs = map(spoilt, worlds)
    for kpi in BLAMED if engine.named == "local" else ("duplicate_share", "price_outlier_share"):
        found, expected = offending_rows(kpi, ours, AS_OF), offending_rows(kpi, theirs, AS_OF)
        assert found is not None
        assert expected is not None
        assert rows(expected).num_rows > 0, kpi
        assert_equal_rows(rows(found), rows(expected))


def test_every_distribution(worlds: tuple[Tables, Tables], anonymous: tuple[Tables, Tables]) -> None:
    for ours, theirs in (worlds, anonymous):
        assert measure_distributions(ours["bills"], AS_OF) == measure_distributions(theirs["bills"], AS_OF)


def test_the_panel_of_days(worlds: tuple[Tables, Tables], anonymous: tuple[Tables, Tables]) -> None:
    for ours, theirs in (worlds, anonymous):
        found, expected = (build_daily_panel(tables["line_items"], AS_OF, "Europe/London") for tables in (ours, theirs))
        assert found is not None
        assert expected is not None
        assert (found.first_day, list(found.columns)) == (expected.first_day, list(expected.columns))
        for name, values in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name], values, err_msg=name)
        for name, places in expected.places.items():
            assert list(found.places[name]) == list(places)
            np.testing.assert_array_equal(list(found.places[name].values()), list(places.values()))


@pytest.mark.parametrize("name", feature_sets())
def test_every_feature_set(engine: Any, worlds: tuple[Tables, Tables], name: str) -> None:
    several = engine.named == "local" and name in ("rfm", "rhythm")
    dates = [AS_OF - timedelta(days=30, hours=11), AS_OF][: 2 if several else 1]
    feature_set = feature_sets()[name]
    needed = feature_set.reads
    found, expected = (
        build_snapshots(feature_set, {t: tables[t] for t in needed if t in tables}, dates) for tables in worlds
    )
    assert found.schema() == expected.schema()
    assert_equal_rows(rows(found), rows(expected))


def test_what_data_decides(worlds: tuple[Tables, Tables]) -> None:
    """Recursive features of the tables that not every customer has, and the sample of users that chooses them."""
    names = (
        "share_of_known_responded_at_of_contacts",
        "distinct_count_of_offer_of_contacts",
        "trend_of_count_of_line_items_per_bill",
        "std_of_price_of_its_item_of_line_items",
        "mean_of_share_of_is_return_of_line_items_per_bill",
    )
    needed = ("bills", "line_items", "items", "contacts")
    found, expected = (
        rows(
            recursive_with(names).build(
                cut_before(sample({table: tables[table] for table in needed}, 20), AS_OF), AS_OF
            )
        )
        for tables in worlds
    )
    assert 5 < len(expected) < 40
    assert_equal_rows(found, expected)


def test_what_models_read(worlds: tuple[Tables, Tables]) -> None:
    """Pandas frames, with the same types, in the same order."""
    past, expected_past = (cut_before(tables, AS_OF) for tables in worlds)
    for read in (visit_history, item_history):
        name = "bills" if read is visit_history else "line_items"
        found, expected = read(past[name], AS_OF), read(expected_past[name], AS_OF)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    pd.testing.assert_series_equal(
        spend_by_user(past["bills"]), spend_by_user(expected_past["bills"]), check_exact=True
    )
