"""What five shoppers bought, how often and how lately, as can be read off the page."""

from datetime import datetime

import pandas as pd
import pytest

from capflow_assets.features.sets.user_item import USER_ITEM
from capflow_assets.features.snapshots import cut_before
from capflow_assets.methods.recommend.co_purchase import item_history
from tests.features.feature_world import AS_OF, frame, lines_of, random_lines, world

JUNE = datetime(2024, 6, 1)


@pytest.fixture(scope="module")
def tables() -> dict[str, object]:
    """Ann buys tea every 30 days, Bob bought once, Cid long ago, Dee brought it back, somebody stayed anonymous."""
    lines = lines_of(
        "user_id item_id ts quantity amount",
        ("ann", "tea", datetime(2024, 3, 3, 9), 2.0, 6.0),
        ("ann", "tea", datetime(2024, 4, 2), 1.0, 3.0),
        ("ann", "tea", datetime(2024, 5, 2, 9), 1.0, 3.0),
        ("ann", "tea", datetime(2024, 5, 2, 23), 0.5, 1.5),
        ("ann", "jam", datetime(2024, 5, 31), 1.0, 4.0),
        ("bob", "tea", datetime(2023, 12, 4), 1.0, 3.0),
        ("cid", "tea", datetime(2023, 6, 1, 23), 1.0, 3.0),
        ("dee", "tea", datetime(2024, 5, 2), -1.0, -3.0),
        (None, "tea", datetime(2024, 5, 2), 1.0, 3.0),
    )
    return cut_before(world(lines), JUNE)


@pytest.fixture(scope="module")
def pairs(tables: dict[str, object]) -> pd.DataFrame:
    """The matrix."""
    return frame(USER_ITEM.build(tables, JUNE)).set_index(["user_id", "item_id"])


def test_only_pairs_of_the_last_year_are_there_and_the_rest_is_counted(
    tables: dict[str, object], pairs: pd.DataFrame
) -> None:
    assert list(pairs.index) == [("ann", "jam"), ("ann", "tea"), ("bob", "tea")]
    assert USER_ITEM.left_out is not None
    assert USER_ITEM.left_out(tables, JUNE).to_pyarrow().to_pylist() == [{"lines_older_than_365_days": 1}]


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("times_bought", 3),
        ("quantity", 4.5),
        ("amount", 13.5),
        ("last_bought_days", 30),
        ("weighted_times_30d", 1 / 2 + 1 / 4 + 1 / 8),
        ("weighted_times_180d", 2 ** (-1 / 6) + 2 ** (-1 / 3) + 2 ** (-1 / 2)),
        ("repurchase_gap_days", 30.0),
        ("due_ratio", 1.0),
    ],
)
def test_ann_and_her_tea(pairs: pd.DataFrame, feature: str, value: float) -> None:
    assert pairs.loc[("ann", "tea"), feature] == pytest.approx(value)


def test_what_was_bought_once_has_no_rhythm(pairs: pd.DataFrame) -> None:
    assert pairs.loc[("bob", "tea"), ["repurchase_gap_days", "due_ratio"]].isna().all()
    assert pairs.loc[("bob", "tea"), "weighted_times_180d"] == 0.5


def test_purchases_are_those_of_the_recommendation_model() -> None:
    lines = cut_before(world(random_lines(9)), AS_OF)
    found = frame(USER_ITEM.build(lines, AS_OF)).rename(columns={"times_bought": "days", "last_bought_days": "age"})
    expected = item_history(lines["line_items"], AS_OF)
    pd.testing.assert_frame_equal(found[list(expected.columns)].astype(expected.dtypes), expected)
