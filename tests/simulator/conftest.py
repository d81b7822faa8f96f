"""Two simulated retailers that several tests look at; a test that changes one makes its own."""

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from capflow_assets.simulator import Retailer, SimulatedData, simulate

START = date(2025, 1, 1)


@pytest.fixture(scope="session")
def cafe() -> SimulatedData:
    """A year of a café with 600 users."""
    return simulate(Retailer("cafe", "food_and_beverage", 600, START, 365, seed=3))


@pytest.fixture(scope="session")
def boutique() -> SimulatedData:
    """A year of a fashion shop with 2,500 users."""
    return simulate(Retailer("boutique", "fashion", 2500, START, 365, seed=5))


@pytest.fixture(scope="session")
def purchases() -> Callable[[SimulatedData], pd.DataFrame]:
    """How to see a world's sales as one row a bill of a known user."""

    def bills(world: SimulatedData) -> pd.DataFrame:
        sales = world.line_items[~world.line_items["is_return"]].dropna(subset="user_id")
        return sales.drop_duplicates("bill_id")

    return bills
