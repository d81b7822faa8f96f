"""Tuning on a model with known answers: what surely helps is taken, luck is not, and the clock only ends excess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Artefact, Model
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.training.search import tuning
from capflow_assets.training.search.folds import time_folds
from capflow_assets.training.search.tuning import Start, affordable_trials, portfolio, tune

USERS = [f"u{number:04d}" for number in range(800)]
DEFAULTS = {"noise": 1.0, "luck": 0.0, "kept": "as it is"}


class Noisy(Model):
    """Predicts the truth with as much noise as its parameter says."""

    name = "noisy"
    task = "binary"
    metric = "auc"
    search_space = {"noise": (0.5, 1.0, 2.0), "luck": (0.0, 1.0)}  # noqa: RUF012

    def outcome(self, snapshot: Snapshot, window: Mapping[str, Any]) -> pd.DataFrame:
        raise NotImplementedError

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        raise NotImplementedError

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        raise NotImplementedError

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        raise NotImplementedError

    def fit_and_predict_quickly(
        self, train: Sequence[LabelledSnapshot], later: Snapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        chance = np.random.default_rng([seed, later.as_of.month, int(parameters["luck"])])
        noise = chance.normal(size=len(USERS)) * parameters["noise"]
        return pd.DataFrame({"user_id": USERS, "score": later.outcome["label"] + noise})


def past(dates: int, columns: int = 3) -> list[LabelledSnapshot]:
    made = []
    for back in range(dates, 0, -1):
        as_of = datetime(2026, 6, 1) - timedelta(days=60 * back)
        label = (np.random.default_rng(back).random(len(USERS)) < 0.3).astype(int)
        features = pd.DataFrame({"user_id": USERS} | {f"f{number}": 0.0 for number in range(columns)})
        made.append(LabelledSnapshot("acme", as_of, features, {}, pd.DataFrame({"user_id": USERS, "label": label})))
    return made


def test_folds_predict_each_date_from_the_ones_before_it() -> None:
    made = past(3)
    assert [([one.as_of for one in inside], later.as_of) for inside, later in time_folds(list(reversed(made)))] == [
        ([made[0].as_of], made[1].as_of),
        ([made[0].as_of, made[1].as_of], made[2].as_of),
    ]
    assert time_folds(made[:1]) == []


def test_settings_that_surely_help_are_taken() -> None:
    found = tune(Noisy(), past(3), DEFAULTS, [], 10.0, 1)
    assert found.parameters["noise"] == 0.5
    assert found.parameters["kept"] == "as it is"
    assert "drawn from the search space: auc better by" in found.facts["reason"]
    assert all(row["gain"] < 0 for row in found.facts["trials"] if row["settings"]["noise"] == 2.0)


def test_luck_is_not_taken_for_skill() -> None:
    """The same noise drawn anew differs by about one standard error: over many worlds it is seldom believed."""
    taken = 0
    for seed in range(30):
        found = tune(Noisy(), past(3), DEFAULTS, [Start("luck", {"luck": 1.0})], 0.6, seed)
        assert len(found.facts["trials"]) == 1
        taken += found.parameters["luck"] == 1.0
    assert taken <= 9


def test_the_champions_settings_are_tried_first_and_none_twice() -> None:
    starts = [
        Start("the champion's settings", {"noise": 2.0}),
        Start("others", {"noise": 2.0}),
        Start("x", {"noise": 9}),
    ]
    tried = portfolio(Noisy(), DEFAULTS, starts, 12, 1)
    assert tried[0] == Start("the champion's settings", {"noise": 2.0, "luck": 0.0})
    settings = [tuple(sorted(start.parameters.items())) for start in tried]
    assert len(set(settings)) == len(settings) == 5  # all but the defaults; 9 is outside the search space
    assert tried == portfolio(Noisy(), DEFAULTS, starts, 12, 1)


def test_large_data_gets_fewer_trials() -> None:
    small, large = past(3), [replace(one, features=pd.concat([one.features] * 600)) for one in past(3, 10)]
    assert affordable_trials(20.0, small) == tuning.MAX_TRIALS
    assert affordable_trials(20.0, large) < 3
    assert affordable_trials(0.0, small) == 0


@pytest.mark.parametrize(
    ("dates", "seconds", "told"),
    [(1, 20.0, "one past date"), (3, 0.0, "tuning is off"), (3, 0.1, "not enough for a trial")],
)
def test_why_nothing_was_tuned_is_told(dates: int, seconds: float, told: str) -> None:
    found = tune(Noisy(), past(dates), DEFAULTS, [], seconds, 1)
    assert found.parameters == DEFAULTS
    assert told in found.facts["reason"]


def test_the_clock_ends_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 100))
    monkeypatch.setattr(tuning, "process_time", lambda: float(next(clock)))
    found = tune(Noisy(), past(3), DEFAULTS, [], 10.0, 1)
    assert "ended by the clock after 0 of 12 trials" in found.facts["reason"]
