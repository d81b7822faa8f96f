"""The split in time: no label window overlaps another."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest

from capflow_assets.models.catalogue import models
from capflow_assets.training.split import TooLittleHistoryError, grid, least_history_days, split

AS_OF = datetime(2024, 7, 1)


def back(days: int) -> datetime:
    return AS_OF - timedelta(days=days)


@pytest.mark.parametrize(
    ("horizon", "train", "test"),
    [(30, [120, 90, 60], 30), (60, [180, 120], 60), (90, [180], 90), (45, [180, 120], 60), (7, [120, 90, 60], 30)],
)
def test_training_lies_whole_horizons_before_the_test(horizon: int, train: list[int], test: int) -> None:
    assert split(AS_OF, horizon, grid(AS_OF)) == (tuple(back(days) for days in train), back(test))


@pytest.mark.parametrize("horizon", [1, 7, 14, 30, 31, 45, 60, 61, 90])
@pytest.mark.parametrize("folds", [1, 2, 3])
def test_no_label_window_overlaps_another_or_the_unknown(horizon: int, folds: int) -> None:
    train, test = split(AS_OF, horizon, grid(AS_OF), folds)
    assert 1 <= len(train) <= folds
    dates = [*train, test, AS_OF]
    assert all(first + timedelta(days=horizon) <= second for first, second in itertools.pairwise(dates))


def test_a_short_history_gives_fewer_training_dates() -> None:
    assert split(AS_OF, 30, [back(30), back(60)]) == ((back(60),), back(30))


@pytest.mark.parametrize("available", [[], [AS_OF], [back(30)], [back(60)]])
def test_too_little_history_says_from_when_sales_are_needed(available: list[datetime]) -> None:
    with pytest.raises(TooLittleHistoryError, match="before 2024-05-02 to learn from and before 2024-06-01"):
        split(AS_OF, 30, available)


@pytest.mark.parametrize(("horizon", "folds"), [(0, 3), (91, 3), (365, 3), (30, 0)])
def test_a_horizon_that_cannot_be_held_out_is_refused(horizon: int, folds: int) -> None:
    with pytest.raises(ValueError, match="1 to 90 days"):
        split(AS_OF, horizon, grid(AS_OF), folds)


def test_every_model_of_the_catalogue_can_be_split() -> None:
    for model in models().values():
        train, _ = split(AS_OF, model.horizon_days, grid(AS_OF))
        assert (AS_OF - max(train)).days < least_history_days(model.horizon_days)
