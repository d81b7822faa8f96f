"""The baskets of five shoppers whose answers can be read off the page."""

from datetime import datetime

import pandas as pd
import pytest

from capflow_assets.features.sets.basket import BASKET
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import ITEM_TYPES, frame, lines_of, world

JUNE = datetime(2024, 6, 1)
WINTER, MAY = datetime(2024, 1, 5), datetime(2024, 5, 5)


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    """Ann buys tea again and tries jam, Bob bought once, Cid only what nobody sorted, Dee gave back, Eve is unknown."""
    lines = lines_of(
        "bill_id user_id item_id ts quantity amount is_return",
        ("b1", "ann", "tea", WINTER, 2.0, 6.0, False),
        ("b2", "ann", "tea", MAY, 0.5, 1.5, False),
        ("b2", "ann", "tea", MAY, 0.5, 1.5, False),
        ("b2", "ann", "jam", MAY, 1.0, 4.0, False),
        ("b3", "ann", "jam", MAY, -1.0, -4.0, True),
        ("b4", "bob", "cup", MAY, 3.0, 30.0, False),
        ("b4", "bob", "tea", MAY, 1.0, 3.0, False),
        ("b5", "cid", "odd", MAY, 1.0, 1.0, False),
        ("b6", "dee", "tea", MAY, -1.0, -3.0, True),
        ("b7", None, "tea", MAY, 1.0, 3.0, False),
    )
    items = pd.DataFrame(
        [("tea", "Food > Drinks", "Leaf"), ("jam", "Food > Spreads", "Pot"), ("cup", " Home>Kitchen ", "Pot")],
        columns=["item_id", "category", "brand"],
    ).assign(description=None, price=None)
    tables = world(lines, items=items[list(ITEM_TYPES)])
    return frame(BASKET.build(cut_before(tables, JUNE), JUNE)).set_index("user_id")


def test_only_identified_shoppers_who_bought_are_there(shoppers: pd.DataFrame) -> None:
    assert list(shoppers.index) == ["ann", "bob", "cid"]


@pytest.mark.parametrize(
    ("who", "feature", "value"),
    [
        ("ann", "baskets", 2),
        ("ann", "lines_per_basket", 2.0),
        ("ann", "largest_basket_lines", 3),
        ("ann", "quantity_per_basket", 2.0),
        ("ann", "largest_basket_quantity", 2.0),
        ("ann", "amount_per_basket", 6.5),
        ("ann", "largest_basket_amount", 7.0),
        ("ann", "single_item_basket_share", 0.5),
        ("ann", "repurchase_share", 1 / 3),
        ("ann", "new_item_share_90d", 0.5),
        ("ann", "distinct_departments", 1),
        ("ann", "distinct_categories", 2),
        ("ann", "top_department_share", 1.0),
        ("ann", "department_entropy", 0.0),
        ("ann", "distinct_brands", 2),
        ("ann", "brand_concentration", 0.75**2 + 0.25**2),
        ("bob", "new_item_share_90d", 1.0),
        ("bob", "top_department_share", 0.5),
        ("bob", "department_entropy", 1.0),
        ("bob", "brand_concentration", 0.5),
        ("cid", "single_item_basket_share", 1.0),
    ],
)
def test_known_baskets(shoppers: pd.DataFrame, who: str, feature: str, value: float) -> None:
    assert shoppers.loc[who, feature] == pytest.approx(value)


@pytest.mark.parametrize(
    ("who", "feature"),
    [("bob", "repurchase_share")]
    + [
        ("cid", name)
        for name in (
            "distinct_departments",
            "distinct_categories",
            "top_department_share",
            "department_entropy",
            "distinct_brands",
            "brand_concentration",
        )
    ],
)
def test_what_cannot_be_known_is_missing(shoppers: pd.DataFrame, who: str, feature: str) -> None:
    assert pd.isna(shoppers.loc[who, feature])
