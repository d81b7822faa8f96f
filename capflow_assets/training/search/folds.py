"""Expanding-window folds: each later past date is predicted from the dates before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.evaluation.metrics import PairedDifference, metric


def time_folds(train: Sequence[LabelledSnapshot]) -> list[tuple[list[LabelledSnapshot], LabelledSnapshot]]:
    """Return pairs of training snapshots and the later snapshot to predict; none if there is one past date only.

    Past dates lie a horizon apart (training.split), so no label window of a fold reaches into the date it predicts.
    """
    ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
    return [(ordered[:k], ordered[k]) for k in range(1, len(ordered))]


def select_columns(snapshot: LabelledSnapshot, columns: Sequence[str]) -> LabelledSnapshot:
    """Return the snapshot with these feature columns only."""
    return replace(snapshot, features=snapshot.features[["user_id", *columns]])


@dataclass(frozen=True)
class Attempt:
    """A way to fit a model: its columns (None: all there are) and parameters."""

    parameters: dict[str, Any]
    columns: tuple[str, ...] | None = None


def compare_attempts(
    model: Model, train: Sequence[LabelledSnapshot], attempt: Attempt, usual: Attempt, seed: int, cache: dict[int, Any]
) -> PairedDifference:
    """Return how much better an attempt is than the usual one, in the metric's better direction, as mean over folds.

    `cache` keeps the usual attempt's predictions by fold number from one call to the next.
    """
    measure, differences = metric(model.metric), []
    for number, (past, later) in enumerate(time_folds(train)):
        if number not in cache:
            cache[number] = _predict(model, past, later, usual, seed)
        prediction = _predict(model, past, later, attempt, seed)
        differences.append(measure.compare_paired(later.outcome, prediction, cache[number]))
    gain = measure.gain(sum(one.difference for one in differences) / len(differences))
    error = sum(one.standard_error**2 for one in differences) ** 0.5 / len(differences)
    return PairedDifference(gain, error, sum(one.users for one in differences))


def _predict(
    model: Model, past: Sequence[LabelledSnapshot], later: LabelledSnapshot, attempt: Attempt, seed: int
) -> Any:
    if attempt.columns is None:
        return model.fit_and_predict_quickly(past, later, attempt.parameters, seed)
    columns = attempt.columns
    return model.fit_and_predict_quickly(
        [select_columns(snapshot, columns) for snapshot in past],
        select_columns(later, columns),
        attempt.parameters,
        seed,
    )
