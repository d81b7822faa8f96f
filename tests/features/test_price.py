"""The price behaviour of five shoppers whose answers can be read off the page."""

from datetime import datetime

import pandas as pd
import pytest

from capflow_assets.features.sets.price import PRICE
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import ITEM_TYPES, frame, lines_of, world

JUNE = datetime(2024, 6, 1)
SPRING, MAY = datetime(2024, 2, 5), datetime(2024, 5, 5)
PENS = [f"pen {k}" for k in range(1, 6)]


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    """Tea usually costs 4.00, once 2.00. Ann hunts bargains, Bob pays in full, Cid buys the dearest pen, Dee the two
    cheapest, Eve got a gift. Nobody known bought the other pens.
    """
    lines = lines_of(
        "user_id item_id ts quantity amount discount",
        ("ann", "tea", SPRING, 1.0, 4.0, 0.0),
        ("ann", "tea", MAY, 2.0, 4.0, 4.0),
        ("ann", "jam", MAY, 1.0, 5.0, None),
        ("bob", "tea", SPRING, 3.0, 12.0, 0.0),
        ("bob", "tea", MAY, 1.0, 4.02, 0.0),
        ("cid", "pen 5", MAY, 1.0, 5.0, 0.0),
        ("dee", "pen 1", MAY, 1.0, 1.0, 0.0),
        ("dee", "pen 2", MAY, 1.0, 2.0, 0.0),
        ("eve", "jam", MAY, 1.0, 0.0, 5.0),
        *((None, pen, MAY, 1.0, float(pen[-1]), 0.0) for pen in PENS),
    )
    items = pd.DataFrame({"item_id": [*PENS, "tea"], "category": ["Pens"] * 5 + ["Tea"]})
    items = items.assign(description=None, brand=None, price=None)
    tables = world(lines, items=items[list(ITEM_TYPES)])
    return frame(PRICE.build(cut_before(tables, JUNE), JUNE)).set_index("user_id")


def test_whoever_paid_is_there(shoppers: pd.DataFrame) -> None:
    assert list(shoppers.index) == ["ann", "bob", "cid", "dee"]


@pytest.mark.parametrize(
    ("who", "feature", "value"),
    [
        ("ann", "price_level", 13 / 17),
        ("ann", "median_price_level", 1.0),
        ("ann", "price_level_trend_90d", 9 / 13),
        ("ann", "discounted_share", 0.5),
        ("ann", "discount_depth", 0.5),
        ("ann", "lowest_price_share", 0.5),
        ("ann", "full_price_share", 2 / 3),
        ("bob", "price_level", 16.02 / 16),
        ("bob", "discounted_share", 0.0),
        ("bob", "lowest_price_share", 0.0),
        ("bob", "full_price_share", 1.0),
        ("cid", "price_tier", 5.0),
        ("dee", "price_tier", 1.5),
    ],
)
def test_known_prices(shoppers: pd.DataFrame, who: str, feature: str, value: float) -> None:
    assert shoppers.loc[who, feature] == pytest.approx(value)


@pytest.mark.parametrize(
    ("who", "feature"),
    [
        ("ann", "price_tier"),  # a category of one item has no tiers
        ("bob", "discount_depth"),
        ("cid", "lowest_price_share"),  # its price never moved
        ("cid", "price_level_trend_90d"),
    ],
)
def test_what_cannot_be_known_is_missing(shoppers: pd.DataFrame, who: str, feature: str) -> None:
    assert pd.isna(shoppers.loc[who, feature])
