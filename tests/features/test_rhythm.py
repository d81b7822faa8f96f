"""The rhythm of a handful of shoppers whose answers can be read off the page."""

from datetime import datetime

import pandas as pd
import pytest

from capflow_assets.features.sets.rhythm import RHYTHM
from capflow_assets.features.snapshots import cut_before
from tests.features.feature_world import LINE_TYPES, frame, world

JUNE = datetime(2024, 6, 1)


@pytest.fixture(scope="module")
def shoppers() -> pd.DataFrame:
    """Ann comes each Saturday morning; Bob came twice, at times nobody recorded; Cid came once, late one evening."""
    visits = [("ann", datetime(2024, 5, day, 10)) for day in (4, 11, 18, 25)]
    visits += [("ann", datetime(2024, 5, 25, 19))]
    visits += [("bob", datetime(2024, 5, 1)), ("bob", datetime(2024, 5, 12))]
    visits += [("cid", datetime(2024, 5, 31, 23, 59, 59, 700_000))]
    lines = pd.DataFrame(visits, columns=["user_id", "ts"]).assign(
        bill_id=lambda v: [f"b{k}" for k in range(len(v))], item_id="tea", quantity=1.0, unit_price=1.0, amount=1.0
    )
    lines = lines.assign(discount=0.0, store_id=None, channel=None, is_return=False)
    tables = world(lines[list(LINE_TYPES)])
    return frame(RHYTHM.build(cut_before(tables, JUNE), JUNE)).set_index("user_id")


@pytest.mark.parametrize(
    ("who", "feature", "value"),
    [
        ("ann", "mean_gap_days", 7.0),
        ("ann", "median_gap_days", 7.0),
        ("ann", "std_gap_days", 0.0),
        ("ann", "last_gap_days", 7),
        ("ann", "gap_ratio", 1.0),
        ("ann", "regularity", 1.0),
        ("ann", "visits_per_week", 0.75),
        ("ann", "weekend_share", 1.0),
        ("ann", "morning_share", 0.8),
        ("ann", "evening_share", 0.2),
        ("ann", "busiest_weekday_share", 1.0),
        ("bob", "mean_gap_days", 11.0),
        ("bob", "weekend_share", 0.5),
        ("bob", "busiest_weekday_share", 0.5),
        ("cid", "visits_per_week", 0.0),
        ("cid", "evening_share", 1.0),
    ],
)
def test_known_rhythm(shoppers: pd.DataFrame, who: str, feature: str, value: float) -> None:
    assert shoppers.loc[who, feature] == pytest.approx(value)


@pytest.mark.parametrize(
    ("who", "feature"),
    [("bob", name) for name in ("std_gap_days", "regularity", "morning_share", "evening_share")]
    + [
        ("cid", name)
        for name in ("mean_gap_days", "median_gap_days", "last_gap_days", "gap_ratio", "busiest_weekday_share")
    ],
)
def test_what_cannot_be_known_is_missing(shoppers: pd.DataFrame, who: str, feature: str) -> None:
    assert pd.isna(shoppers.loc[who, feature])
