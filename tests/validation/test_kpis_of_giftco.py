"""Every KPI and distribution of giftco is what plain SQL over its own file says."""

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from capflow_assets.validated.tables import clean, derive_bills, drop_rows
from capflow_assets.validation.kpis.distributions import measure_distributions
from capflow_assets.validation.kpis.integrity import RELATIONS
from capflow_assets.validation.kpis.kpis import KPIS, measure_kpis
from capflow_assets.validation.offending import BLAMED, offending_rows
from capflow_resources import sources
from partitions.customer_file import load_customer
from tests.validation.giftco_oracle import KPIS as BY_SQL
from tests.validation.giftco_oracle import SHAPES, Oracle

FILE = Path(__file__).parents[1] / "customers" / "giftco.yaml"
AS_OF = datetime(2010, 11, 20)  # some weeks of the file lie in the future
NOT_SENT = {kpi for kpi, relation in RELATIONS.items() if not set(relation.needs) <= {"items", "users"}}


class World:
    """giftco's tables as the pipeline makes them, and what SQL says of the same file."""

    def __init__(self, data: Path, folder: Path, once: bool) -> None:
        import ibis

        self.customer = load_customer(FILE, {"CAPFLOW_REAL_DATA": str(data)})
        mapping = replace(self.customer.tables["line_items"], drop_duplicates=once)
        con = ibis.duckdb.connect(threads=2, memory_limit="1GB")
        raw = con.create_table("raw", sources.read(self.customer, mapping, con))
        cleaned = clean("line_items", drop_rows(raw, mapping).kept, mapping, self.customer.timezone)
        lines = con.create_table("line_items", cleaned)
        self.tables = {"line_items": lines, "bills": con.create_table("bills", derive_bills(lines))}
        sales, known = f"'{data}/giftco/*.parquet'", {}
        for table, key, column in (("users", "CustomerID", "user_id"), ("items", "StockCode", "item_id")):
            known[table] = folder / f"{table}.parquet"  # every tenth is missing
            duckdb.sql(f"select distinct {key} from {sales} where hash({key}) % 10 > 0").write_parquet(
                str(known[table])
            )
            text = f"cast(cast({key} as bigint) as varchar)" if table == "users" else f"trim({key})"
            con.con.execute(f"create table {table} as select distinct {text} as {column} from '{known[table]}'")
            self.tables[table] = con.table(table)
        self.sent = {name: self.tables[name] for name in known}
        self.oracle = Oracle(data / "giftco" / "*.parquet", AS_OF, once, **known)


@pytest.fixture(scope="module", params=[True, False], ids=["each line once", "as it was sent"])
def world(request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(real_data, tmp_path_factory.mktemp("known"), request.param)


@pytest.fixture(scope="module")
def found(world: World) -> dict[str, float | None]:
    return measure_kpis(world.tables["line_items"], world.tables["bills"], AS_OF, world.sent, now=True)


def test_every_kpi(world: World, found: dict[str, float | None]) -> None:
    assert set(BY_SQL) == set(KPIS) - NOT_SENT
    assert {kpi: value for kpi, value in found.items() if value is None} == dict.fromkeys(NOT_SENT)
    expected = {kpi: world.oracle.kpi(kpi) for kpi in BY_SQL}
    assert {kpi: (found[kpi], value) for kpi, value in expected.items() if not _equal(found[kpi], value)} == {}
    told = {kpi for kpi, value in expected.items() if value}
    assert told >= set(BY_SQL) - {"duplicate_share", "price_outlier_share"}, "a KPI that is nothing proves nothing"


def test_every_distribution(world: World) -> None:
    shapes = {shape.name: shape for shape in measure_distributions(world.tables["bills"], AS_OF)}
    assert {name: shape.counts for name, shape in shapes.items()} == {name: world.oracle.shape(name) for name in SHAPES}
    assert min(shape.total for shape in shapes.values()) > 3000


@pytest.mark.parametrize("kpi", BLAMED)
def test_the_rows_to_blame_are_as_many_as_the_kpi_counted(
    world: World, found: dict[str, float | None], kpi: str
) -> None:
    share = found[kpi]
    if share is None:
        assert offending_rows(kpi, world.tables, AS_OF) is None or kpi in NOT_SENT
        return
    blamed = offending_rows(kpi, world.tables, AS_OF)
    assert blamed is not None
    rows = int(blamed.count().to_pyarrow().as_py())
    assert rows == pytest.approx(share * _judged(world, kpi), abs=1e-6)


def _judged(world: World, kpi: str) -> int:
    """How many rows the KPI is a share of."""
    lines, bills = world.tables["line_items"], world.tables["bills"]
    past = lines.filter(lines.ts < AS_OF)
    whole = {
        "future_share": lines,
        "anonymous_share": bills.filter(bills.ts < AS_OF),
        "zero_price_share": past.filter(~past.is_return),
        "price_outlier_share": past.filter(~past.is_return, past.unit_price > 0),
        "unknown_user_share": past.filter(past.user_id.notnull()),
    }
    return int(whole.get(kpi, past).count().to_pyarrow().as_py())


def _equal(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-15)
