"""The rfm features of a handful of shoppers whose answers can be read off the page."""

from datetime import datetime

import ibis
import pandas as pd
import pytest

from capflow_assets.features.sets.rfm import RFM, quintiles
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import LINE_TYPES, frame, world

JUNE = datetime(2024, 6, 1)


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    """Ann comes often, Bob came once, Cid only returned something, and somebody stayed anonymous."""
    rows = [
        # bill, shopper, item, day, amount, discount, store, channel, return
        ("b1", "ann", "tea", datetime(2024, 1, 2, 9), 10.0, 0.0, "north", "web", False),
        ("b2", "ann", "tea", datetime(2024, 3, 28, 9), 20.0, 0.0, "south", "store", False),
        ("b2", "ann", "jam", datetime(2024, 3, 28, 9), 10.0, 10.0, "south", "store", False),
        ("b3", "ann", "tea", datetime(2024, 5, 31, 23), 60.0, 0.0, "south", "store", False),
        ("b4", "ann", "jam", datetime(2024, 5, 31, 23), -20.0, 0.0, "south", "store", True),
        ("b5", "bob", "tea", datetime(2024, 5, 2), 5.0, None, None, None, False),
        ("b6", "cid", "tea", datetime(2024, 5, 2), -5.0, 0.0, None, None, True),
        ("b7", None, "tea", datetime(2024, 5, 2), 5.0, 0.0, None, None, False),
    ]
    names = ["bill_id", "user_id", "item_id", "ts", "amount", "discount", "store_id", "channel", "is_return"]
    lines = pd.DataFrame(rows, columns=names).assign(quantity=1.0, unit_price=1.0)
    tables = world(lines[list(LINE_TYPES)])
    return frame(RFM.build(cut_before(tables, JUNE), JUNE)).set_index("user_id")


def test_only_identified_shoppers_with_a_visit_are_there(shoppers: pd.DataFrame) -> None:
    assert list(shoppers.index) == ["ann", "bob"]


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("recency_days", 1),
        ("tenure_days", 151),
        ("frequency_bills", 3),
        ("frequency_bills_30d", 1),
        ("frequency_bills_90d", 2),
        ("days_active", 3),
        ("spend", 100.0),
        ("spend_30d", 60.0),
        ("spend_per_visit", 100 / 3),
        ("items_per_visit", 4 / 3),
        ("distinct_items", 2),
        ("distinct_stores", 2),
        ("return_share", 0.2),
        ("discount_share", 10 / 110),
        ("online_share", 1 / 3),
        ("visits_trend_ratio_90d", 2.0),
        ("spend_trend_ratio_90d", 9.0),
    ],
)
def test_ann(shoppers: pd.DataFrame, feature: str, value: float) -> None:
    assert shoppers.loc["ann", feature] == pytest.approx(value)


@pytest.mark.parametrize(
    "feature", ["distinct_stores", "discount_share", "online_share", "visits_trend_ratio_90d", "spend_trend_ratio_90d"]
)
def test_what_nobody_recorded_of_bob_is_missing(shoppers: pd.DataFrame, feature: str) -> None:
    assert pd.isna(shoppers.loc["bob", feature])


def test_fifths_put_the_best_at_5_and_equals_together() -> None:
    days = ibis.memtable({"days": [1, 2, 2, 4, 5, 6, 7, 8, 9, 10]})
    low = quintiles(days, "days", "score", high_is_good=False).execute().set_index("days").score
    high = quintiles(days, "days", "score", high_is_good=True).execute().set_index("days").score
    assert low.sort_index().to_dict() == {1: 5, 2: 4, 4: 4, 5: 3, 6: 3, 7: 2, 8: 2, 9: 1, 10: 1}
    assert high.sort_index().to_dict() == {1: 1, 2: 1, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 5, 10: 5}
