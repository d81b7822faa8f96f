"""Before any model is fitted: features that know the answer, are ids, come from the future, or differ when used.

Each suspicion names the column and its evidence. One that blocks keeps the model from being trained; a warning is
kept with the version. After Kaufman, Rosset, Perlich & Stitelman, "Leakage in Data Mining" (2012), TKDD 6(4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from capflow_assets.training.leakage.answers import find_target_leaks
from capflow_assets.training.leakage.skew import find_skew
from capflow_assets.training.leakage.suspicion import Suspicion
from capflow_assets.training.leakage.values import find_empty, find_future_values, find_ids

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.contract.model import Task
    from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot

MOST_USERS = 20_000  # of each snapshot: more would not change a verdict
ANSWERS: Mapping[Task, str] = {"binary": "label", "regression": "value"}

__all__ = ["Suspicion", "find_suspicions"]

S = TypeVar("S", bound="Snapshot")


def find_suspicions(
    train: Sequence[LabelledSnapshot], test: LabelledSnapshot, newest: Snapshot, task: Task
) -> list[Suspicion]:
    """What is wrong with the features of these snapshots, those that block first.

    `train` and `test` have outcomes, which features of binary and regression models must not know; `newest` is what
    will be predicted on. A column is told once, for the worst that was found of it. Of each snapshot at most 20,000
    users are looked at. A model without feature sets has nothing to be looked at here.
    """
    past = [_sampled(snapshot) for snapshot in sorted([*train, test], key=lambda snapshot: snapshot.as_of)]
    now = _sampled(newest)
    learned = past[:-1]
    columns = [str(name) for name in now.features.columns if name != "user_id" and _is_everywhere(name, past)]
    worst: dict[str, Suspicion] = {}
    for found in (
        *find_future_values([*past, now], columns),
        *find_ids(learned, columns),
        *_knowing(learned, columns, task),
        *find_skew(past, now, columns),
        *find_empty(learned, columns),
    ):
        known = worst.get(found.column)
        if known is None or (known.severity, found.severity) == ("warn", "block"):
            worst[found.column] = found
    return sorted(worst.values(), key=lambda found: (found.severity, found.column))


def _is_everywhere(name: object, snapshots: Sequence[Snapshot]) -> bool:
    return all(name in snapshot.features.columns for snapshot in snapshots)


def _sampled(snapshot: S) -> S:
    """Every k-th user: features are sorted by user_id, so these are the same at every date but for who is new."""
    step = -(-len(snapshot.features) // MOST_USERS) or 1
    return replace(snapshot, features=snapshot.features.iloc[::step].reset_index(drop=True))


def _knowing(snapshots: Sequence[LabelledSnapshot], columns: Sequence[str], task: Task) -> list[Suspicion]:
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    if task not in ANSWERS:
        return []
    numeric = [name for name in columns if is_numeric_dtype(snapshots[-1].features[name])]
    values: dict[str, list[np.ndarray]] = {name: [] for name in numeric}
    outcomes: list[np.ndarray] = []
    for snapshot in snapshots:
        rows = snapshot.outcome.merge(snapshot.features, on="user_id")
        outcomes.append(rows[ANSWERS[task]].to_numpy(dtype=float))
        for name in numeric:
            values[name].append(rows[name].to_numpy(dtype=float, na_value=float("nan")))
    stacked = {name: np.concatenate(parts) for name, parts in values.items()}
    return list(find_target_leaks(stacked, np.concatenate(outcomes), task == "binary"))
