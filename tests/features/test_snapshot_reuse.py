"""Only what changed is computed again: a change of the past reaches exactly the snapshots after it, and no fewer."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.features.snapshots import build_snapshots
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.validated.anchors import snapshot_grid
from capflow_resources.home import Home
from tests.worlds.small_world import copied, on_board

ASSET = "features/rhythm"
CHOSEN = ["raw/line_items", "validated/line_items", "validated/bills", "validation/report", ASSET]
AS_OF = datetime(2025, 12, 17)  # the day after the last sale, two weeks after an anchor
ALL = 8


class Shop:
    """A retailer whose orders the tests change, and what came of its features."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.data = home, folder
        orders = pd.concat(map(pd.read_parquet, sorted(folder.glob("orders_*.parquet"))))
        self.orders = orders.sort_values(["OrderedAt", "OrderNumber", "ArticleId"], ignore_index=True)

    def sends(self, orders: pd.DataFrame) -> None:
        for file in self.data.glob("orders_*.parquet"):
            file.unlink()
        orders.to_parquet(self.data / "orders_1.parquet")
        self.orders = orders

    def first_from(self, day: datetime) -> int:
        return int((self.orders.OrderedAt >= day).argmax())

    def features(self, force: bool = False) -> Outcome:
        outcomes = list(run_customer(CustomerRun(self.home, "ann", force=force), CHOSEN))
        assert not [f"{outcome.asset}: {outcome.reason}" for outcome in outcomes if outcome.stops]
        return outcomes[-1]

    def counts(self, force: bool = False) -> tuple[int, int]:
        """How many snapshots were computed and reused."""
        facts = self.features(force).facts
        return facts["computed"], facts["reused"]

    def assert_as_if_computed_anew(self) -> None:
        run = CustomerRun(self.home, "ann")
        tables = {table: run.read(f"validated/{table}") for table in ("line_items", "bills")}
        anew = build_snapshots(feature_sets()["rhythm"], tables, snapshot_grid(run.as_of()))
        found, expected = (
            table.to_pandas().sort_values(["as_of", "user_id"], ignore_index=True) for table in (run.read(ASSET), anew)
        )
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory, small_data: dict[str, Path]) -> Home:
    """A retailer that sends its orders only, with every snapshot computed."""
    folder = tmp_path_factory.mktemp("computed")
    home = Home(folder / "home")
    shutil.copytree(small_data["sound"], folder / "home" / "orders")
    on_board(home, folder / "home" / "orders", "ann")
    file = home.customers_folder / "ann.yaml"
    file.write_text(re.split(r"\n  users:\n", file.read_text())[0] + "\n")
    assert Shop(home, folder / "home" / "orders").counts() == (ALL, 0)
    return home


@pytest.fixture
def shop(computed: Home, tmp_path: Path) -> Shop:
    home = copied(computed, tmp_path / "home")
    file = home.customers_folder / "ann.yaml"
    file.write_text(file.read_text().replace(str(computed.path), str(home.path)))
    return Shop(home, home.path / "orders")


def after(day: datetime) -> tuple[int, int]:
    count = sum(date > day for date in snapshot_grid(AS_OF))
    return count, ALL - count


def test_a_change_of_the_past_reaches_the_snapshots_after_it(shop: Shop) -> None:
    price, gone, late = datetime(2025, 11, 10), datetime(2025, 9, 5), datetime(2025, 10, 20)
    restated = shop.orders.index == shop.first_from(price)
    shop.sends(shop.orders.assign(PiecePrice=shop.orders.PiecePrice + restated))
    assert shop.counts() == after(price)
    shop.sends(shop.orders.drop(index=shop.first_from(gone)))
    assert shop.counts() == after(gone)
    row = shop.orders.loc[[shop.first_from(late)]]
    shop.sends(pd.concat([shop.orders, row.assign(OrderNumber="late")]))
    assert shop.counts() == after(late)
    shop.assert_as_if_computed_anew()


def test_another_day_of_sales_is_one_snapshot(shop: Shop) -> None:
    day = shop.orders.tail(20)
    day = day.assign(OrderNumber="new-" + day.OrderNumber, OrderedAt=AS_OF + timedelta(hours=9))
    shop.sends(pd.concat([shop.orders, day]))
    assert shop.counts() == (1, ALL - 1)
    shop.assert_as_if_computed_anew()


def test_a_column_mapped_otherwise_is_every_snapshot_and_so_is_force(shop: Shop) -> None:
    file = shop.home.customers_folder / "ann.yaml"
    file.write_text(file.read_text().replace("      channel: SalesChannel", "      channel: Boutique"))
    assert shop.counts() == (ALL, 0)
    assert shop.counts(force=True) == (ALL, 0)


def test_the_same_rows_in_another_order_compute_nothing(shop: Shop) -> None:
    shop.sends(shop.orders.sample(frac=1, random_state=1))
    outcome = shop.features()
    assert (outcome.status, outcome.facts["version"]) == ("reused", 0)
    assert outcome.reason == "the data before every snapshot, unchanged since version 0"
