"""The split in time: dates lie on anchors, and no label window overlaps another or the unknown."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest

from capflow_assets.run.catalogue import models
from capflow_assets.training.split import TooLittleHistoryError, split
from capflow_assets.validated.anchors import EPOCH, anchors, least_history_days, snapshot_grid

ANCHOR = datetime(2024, 7, 16)
PHASES = [timedelta(0), timedelta(hours=1), timedelta(days=14, hours=23), timedelta(days=29, hours=23, minutes=59)]
HORIZONS = [1, 7, 14, 30, 31, 45, 60, 61, 90]


def back(days: int) -> datetime:
    return ANCHOR - timedelta(days=days)


def test_anchors_lie_30_days_apart_and_do_not_move_with_as_of() -> None:
    assert (ANCHOR - EPOCH).days % 30 == 0
    for phase in PHASES:
        assert anchors(ANCHOR + phase) == [back(30 * step) for step in range(7)]
        assert snapshot_grid(ANCHOR + phase) == sorted({ANCHOR + phase, *anchors(ANCHOR)}, reverse=True)
    assert anchors(ANCHOR - timedelta(microseconds=1))[0] == back(30)
    assert anchors(datetime(1969, 12, 31))[0] == datetime(1969, 12, 2)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    ("horizon", "train", "test"), [(30, [120, 90, 60], 30), (60, [180, 120], 60), (90, [180], 90), (31, [180, 120], 60)]
)
def test_training_lies_whole_horizons_before_the_test(
    horizon: int, train: list[int], test: int, phase: timedelta
) -> None:
    as_of = ANCHOR + min(phase, timedelta(hours=23))
    assert split(as_of, horizon, snapshot_grid(as_of)) == (tuple(back(days) for days in train), back(test))


@pytest.mark.parametrize(("days", "test"), [(6, 30), (7, 0), (29, 0)])
def test_the_test_date_is_the_latest_anchor_whose_horizon_is_over(days: int, test: int) -> None:
    as_of = ANCHOR + timedelta(days=days)
    assert split(as_of, 7, snapshot_grid(as_of)).test == back(test)


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("folds", [1, 2, 3])
def test_no_label_window_overlaps_another_or_the_unknown(horizon: int, folds: int) -> None:
    for as_of in (ANCHOR + phase for phase in PHASES):
        train, test = split(as_of, horizon, snapshot_grid(as_of), folds)
        assert 1 <= len(train) <= folds
        dates = [*train, test, as_of]
        assert all(first + timedelta(days=horizon) <= second for first, second in itertools.pairwise(dates))


def test_a_short_history_gives_fewer_training_dates() -> None:
    assert split(ANCHOR, 30, [back(30), back(60)]) == ((back(60),), back(30))


@pytest.mark.parametrize("available", [[], [ANCHOR], [back(30)], [back(60)]])
def test_too_little_history_says_from_when_sales_are_needed(available: list[datetime]) -> None:
    with pytest.raises(TooLittleHistoryError, match="before 2024-05-17 to learn from and before 2024-06-16"):
        split(ANCHOR, 30, available)


@pytest.mark.parametrize(("horizon", "folds"), [(0, 3), (91, 3), (365, 3), (30, 0)])
def test_a_horizon_that_cannot_be_held_out_is_refused(horizon: int, folds: int) -> None:
    with pytest.raises(ValueError, match="1 to 90 days"):
        split(ANCHOR, horizon, snapshot_grid(ANCHOR), folds)


@pytest.mark.parametrize("horizon", [*HORIZONS, *sorted({model.horizon_days for model in models().values()})])
def test_the_least_history_is_enough_wherever_as_of_lies(horizon: int) -> None:
    for phase in PHASES:
        as_of = ANCHOR + phase
        first_sale = as_of - timedelta(days=least_history_days(horizon))
        train, _ = split(as_of, horizon, [date for date in snapshot_grid(as_of) if first_sale < date])
        assert first_sale < max(train)
