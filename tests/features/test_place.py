"""The channels and stores of five shoppers whose answers can be read off the page."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from capflow_assets.features.sets.place import PLACE
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import frame, lines_of, world

JUNE = datetime(2024, 6, 1)
WINTER, MAY = datetime(2024, 1, 5), datetime(2024, 5, 5)


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    """Ann moves between stores and the app, Bob was in two at once, Cid stays, nobody knows where Dee was."""
    day = timedelta(days=1)
    lines = lines_of(
        "user_id ts store_id channel amount",
        ("ann", WINTER, "north", "Store", 10.0),
        ("ann", WINTER + day, "south", " store ", 10.0),
        ("ann", WINTER + 2 * day, None, "App", 70.0),
        ("ann", MAY, "south", "door", 10.0),
        ("bob", MAY, "north", "store", 10.0),
        ("bob", MAY + day, "north", "catalogue", 10.0),
        ("bob", MAY + day, "south", "web", 10.0),
        ("bob", MAY + 2 * day, "north", "store", 10.0),
        ("cid", MAY, "north", "store", 10.0),
        ("dee", MAY, None, None, 10.0),
        ("eve", MAY, "north", "store", -10.0),
    )
    lines = lines.assign(is_return=lines.amount < 0)
    return frame(PLACE.build(cut_before(world(lines), JUNE), JUNE)).set_index("user_id")


def test_whoever_came_is_there(shoppers: pd.DataFrame) -> None:
    assert list(shoppers.index) == ["ann", "bob", "cid", "dee"]


@pytest.mark.parametrize(
    ("who", "feature", "value"),
    [
        ("ann", "store_share", 0.5),
        ("ann", "app_share", 0.25),
        ("ann", "web_share", 0.0),
        ("ann", "other_channel_share", 0.25),
        ("ann", "online_spend_share", 0.7),
        ("ann", "distinct_channels", 3),
        ("ann", "main_channel_share", 0.5),
        ("ann", "stores_ever", 2),
        ("ann", "stores_90d", 1),
        ("ann", "home_store_share", 2 / 3),
        ("ann", "store_change_share", 0.5),
        ("ann", "channel_change_share", 2 / 3),
        ("bob", "phone_share", 0.25),
        ("bob", "store_change_share", 0.0),
        ("bob", "channel_change_share", 0.0),
        ("bob", "home_store_share", 0.75),
        ("cid", "store_share", 1.0),
    ],
)
def test_known_places(shoppers: pd.DataFrame, who: str, feature: str, value: float) -> None:
    assert shoppers.loc[who, feature] == pytest.approx(value)


def test_what_nobody_recorded_is_missing(shoppers: pd.DataFrame) -> None:
    assert shoppers.loc["dee"].isna().all()
    assert shoppers.loc["cid", ["store_change_share", "channel_change_share"]].isna().all()
