"""Folds that respect time: each later past date is predicted from the dates before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.evaluation.metrics import PairedDifference, metric


def time_folds(train: Sequence[LabelledSnapshot]) -> list[tuple[list[LabelledSnapshot], LabelledSnapshot]]:
    """Pairs of what to learn from and the later date to be told; none where there is one past date only.

    Past dates lie a horizon apart (training.split), so no label window of a fold reaches into the date that it tells.
    """
    ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
    return [(ordered[:k], ordered[k]) for k in range(1, len(ordered))]


def select_columns(snapshot: LabelledSnapshot, columns: Sequence[str]) -> LabelledSnapshot:
    """The snapshot with these feature columns alone."""
    return replace(snapshot, features=snapshot.features[["user_id", *columns]])


@dataclass(frozen=True)
class Attempt:
    """A way to fit a model: some columns (None: all there are) with some parameters."""

    parameters: dict[str, Any]
    columns: tuple[str, ...] | None = None


def compare_attempts(
    model: Model, train: Sequence[LabelledSnapshot], attempt: Attempt, usual: Attempt, seed: int, known: dict[int, Any]
) -> PairedDifference:
    """How much better (in the metric's better direction) an attempt does than the usual way, mean over folds.

    `known` keeps what the usual way predicted, fold by fold, from one call to the next.
    """
    judged, found = metric(model.metric), []
    for number, (past, later) in enumerate(time_folds(train)):
        if number not in known:
            known[number] = _predicted(model, past, later, usual, seed)
        prediction = _predicted(model, past, later, attempt, seed)
        found.append(judged.paired(later.outcome, prediction, known[number]))
    gain = judged.gain(sum(one.difference for one in found) / len(found))
    error = sum(one.standard_error**2 for one in found) ** 0.5 / len(found)
    return PairedDifference(gain, error, sum(one.users for one in found))


def _predicted(
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
