"""The leakage checker on planted leaks, each with a known answer, and on honest features, which it must let pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import Task
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.leakage.screening import find_suspicions
from capflow_assets.training.leakage.suspicion import Suspicion

AS_OF = datetime(2026, 6, 1)
USERS = 1_500
Plant = Callable[[pd.DataFrame, np.random.Generator, datetime], object]

TASKS: tuple[Task, ...] = ("binary", "regression")
each_task = pytest.mark.parametrize("task", TASKS)


def world(
    task: Task, plant: Plant | None = None, seed: int = 0
) -> tuple[list[LabelledSnapshot], LabelledSnapshot, LabelledSnapshot]:
    """Two training snapshots, a test one and the newest, of shoppers whose honest features tell something.

    `plant` gives the values of one more column, `planted`, from the honest ones and `answer`, what came true.
    """
    rng = np.random.default_rng(seed)
    base = rng.gamma(2.0, 2.0, USERS)
    made = [_snapshot(task, plant, rng, base, AS_OF - timedelta(days=60 * back)) for back in (3, 2, 1, 0)]
    return made[:2], made[2], made[3]


def _snapshot(
    task: Task, plant: Plant | None, rng: np.random.Generator, base: np.ndarray, as_of: datetime
) -> LabelledSnapshot:
    visits = rng.poisson(base * 3)
    features = pd.DataFrame(
        {
            "user_id": [f"u{number:05d}" for number in range(USERS)],
            "visits": visits,
            "spend": visits * rng.gamma(3.0, 10.0, USERS),
            "recency_days": rng.exponential(200 / (1 + base)).astype(int),
            "tenure_days": 400 + (as_of - AS_OF).days + rng.integers(0, 300, USERS),
            "share": np.where(rng.random(USERS) < 0.2, np.nan, rng.random(USERS)),
        }
    )
    if task == "binary":
        came = rng.random(USERS) < 1 / (1 + np.exp(1.5 - 0.3 * base))
        answer, name = came.astype(float), "label"
    else:
        answer, name = np.where(rng.random(USERS) < 0.4, 0.0, base * rng.gamma(3.0, 20.0, USERS)), "value"
    if plant is not None:
        features["planted"] = plant(features.assign(answer=answer), rng, as_of)
    outcome = pd.DataFrame({"user_id": features["user_id"], name: answer})
    return LabelledSnapshot("shop", as_of, features, {}, outcome)


def found(task: Task, plant: Plant | None = None) -> list[Suspicion]:
    """What the checker says of that world."""
    return find_suspicions(*world(task, plant), task)


def only(suspected: list[Suspicion]) -> Suspicion:
    """The one suspicion there is, of the planted column."""
    assert [one.column for one in suspected] == ["planted"], suspected
    return suspected[0]


@each_task
def test_honest_features_pass(task: Task) -> None:
    assert found(task) == []


@each_task
@pytest.mark.parametrize(
    "plant",
    [
        lambda w, rng, _: w["answer"] + rng.normal(scale=0.15 * w["answer"].std(), size=len(w)),
        lambda w, rng, _: 100 - 7 * w["answer"],
        lambda w, rng, _: w["answer"] * np.where(rng.random(len(w)) < 0.01, 0, 1),
    ],
    ids=["a copy with noise", "shifted and turned", "with a few mistakes"],
)
def test_a_feature_that_knows_the_answer_blocks(task: Task, plant: Plant) -> None:
    suspected = only(found(task, plant))
    assert (suspected.kind, suspected.severity) == ("knows the answer", "block")
    assert "AUC" in suspected.evidence if task == "binary" else "R²" in suspected.evidence


def test_a_feature_that_is_only_there_for_one_answer_blocks() -> None:
    suspected = only(found("binary", lambda w, rng, _: w["visits"].where(w["answer"] == 1).astype(float)))
    assert (suspected.kind, suspected.severity) == ("knows the answer", "block")


def test_a_duration_that_answers_take_is_told_apart_from_what_is_merely_good() -> None:
    """As the length of a bank's call, known when it has ended only (Moro, Cortez & Rita 2014)."""
    answered = found("binary", lambda w, rng, _: rng.gamma(2.0, 60.0, len(w)) * (1 + 4 * w["answer"]))
    assert [one.kind for one in answered] == ["knows the answer"]
    assert found("binary", lambda w, rng, _: w["visits"] + w["answer"] + rng.normal(scale=2.0, size=len(w))) == []


def test_two_copies_do_not_clear_one_another() -> None:
    def twice(world: pd.DataFrame, rng: np.random.Generator, as_of: datetime) -> object:
        world["visits"] = world["answer"]
        return world["answer"] + rng.normal(scale=0.05, size=len(world))

    train, test, newest = world("binary", twice)
    doubled = [replace(s, features=s.features.assign(copy=2 * s.features["planted"]))
               for s in (*train, test, newest)]  # fmt: skip
    blocked = {
        one.column for one in find_suspicions(doubled[:2], doubled[2], doubled[3], "binary") if one.severity == "block"
    }
    assert blocked == {"planted", "copy"}


@each_task
@pytest.mark.parametrize(
    "plant",
    [
        lambda w, rng, _: 5_000_000 + np.arange(len(w)),
        lambda w, rng, _: np.random.default_rng(9).permutation(10**6)[: len(w)],
    ],
    ids=["in order", "scattered"],
)
def test_a_number_that_names_users_blocks(task: Task, plant: Plant) -> None:
    suspected = only(found(task, plant))
    assert (suspected.kind, suspected.severity) == ("id", "block")
    assert "different for 100% of users, unchanged since" in suspected.evidence


def test_text_that_names_users_warns() -> None:
    suspected = only(found("binary", lambda w, rng, _: "card " + w["user_id"]))
    assert (suspected.kind, suspected.severity) == ("id", "warn")


@each_task
@pytest.mark.parametrize("kind", ["timestamp", "seconds", "milliseconds", "days since"])
def test_a_time_that_has_not_come_yet_blocks(task: Task, kind: str) -> None:
    def late(world: pd.DataFrame, rng: np.random.Generator, as_of: datetime) -> object:
        moments = pd.Series(pd.Timestamp(as_of) + pd.to_timedelta(rng.integers(-300, 20, len(world)), unit="D"))
        seconds = (moments - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
        return {"timestamp": moments, "seconds": seconds, "milliseconds": seconds * 1_000.0}.get(kind, 0)

    name = "planted"
    train, test, newest = world(task, late)
    snapshots = [*train, test, newest]
    if kind == "days since":
        name = "days_since_visit"
        for snapshot in snapshots:
            snapshot.features[name] = np.arange(USERS) % 200 - 3
            del snapshot.features["planted"]
    suspected = [one for one in find_suspicions(snapshots[:2], test, newest, task) if one.column == name]
    assert [(one.kind, one.severity) for one in suspected] == [("future", "block")]
    assert "2025-12-03" in suspected[0].evidence


@each_task
@pytest.mark.parametrize("value", [1.0, np.nan])
def test_a_feature_that_is_gone_where_the_model_is_used_blocks(task: Task, value: float) -> None:
    suspected = only(found(task, lambda w, rng, at: value if at == AS_OF else rng.random(len(w))))
    assert (suspected.kind, suspected.severity) == ("gone", "block")
    assert "as of 2026-06-01" in suspected.evidence


@each_task
def test_a_feature_that_moved_warns_and_one_that_always_moves_does_not(task: Task) -> None:
    """The tenure of the honest world grows by 60 days a snapshot."""
    suspected = only(found(task, lambda w, rng, at: rng.random(len(w)) + (0.5 if at == AS_OF else 0.0)))
    assert (suspected.kind, suspected.severity) == ("skew", "warn")
    assert "PSI" in suspected.evidence


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "missing"), (3.0, "constant")])
def test_a_feature_that_never_differs_warns(value: float, kind: str) -> None:
    suspected = only(found("binary", lambda w, rng, _: value))
    assert (suspected.kind, suspected.severity) == (kind, "warn")


def test_few_users_prove_nothing() -> None:
    train, test, newest = world("binary", lambda w, rng, _: w["answer"])
    few = [replace(s, features=s.features.head(40)) for s in (*train, test, newest)]
    assert find_suspicions(few[:1], few[2], few[3], "binary") == []


def test_a_model_without_features_or_outcome_columns_is_let_pass() -> None:
    train, test, newest = world("binary")
    bare = [replace(s, features=s.features[["user_id"]]) for s in (*train, test, newest)]
    assert find_suspicions(bare[:2], bare[2], bare[3], "binary") == []
    assert find_suspicions(train, test, newest, "segment") == []
