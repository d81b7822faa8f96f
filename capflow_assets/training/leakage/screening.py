"""Screening of features before a model is fitted: target leaks, ids, values from the future, train/serve skew.

Each suspicion names the column and the evidence. One that blocks prevents training; a warning is kept with the
version. After Kaufman, Rosset, Perlich & Stitelman, "Leakage in Data Mining" (2012), TKDD 6(4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from capflow_assets.training.leakage.skew import find_skew
from capflow_assets.training.leakage.suspicion import Suspicion
from capflow_assets.training.leakage.target_leaks import find_target_leaks
from capflow_assets.training.leakage.values import find_empty, find_future_values, find_ids

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.contract.model import Task
    from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot

MAX_USERS = 20_000  # per snapshot: more would not change the result
TARGETS: Mapping[Task, str] = {"binary": "label", "regression": "value"}

S = TypeVar("S", bound="Snapshot")


def find_suspicions(
    train: Sequence[LabelledSnapshot], test: LabelledSnapshot, newest: Snapshot, task: Task
) -> list[Suspicion]:
    """Return what is suspicious about the features of these snapshots, what blocks first, then by column.

    Features of binary and regression models must not know the outcomes of `train` and `test`; `newest` is what will be
    predicted on. Each column is reported once, for the worst finding. At most 20,000 users of each snapshot are
    screened. A model without feature sets has nothing to screen.
    """
    past = [_sample_users(snapshot) for snapshot in sorted([*train, test], key=lambda snapshot: snapshot.as_of)]
    now = _sample_users(newest)
    train_sample = past[:-1]
    columns = [str(name) for name in now.features.columns if name != "user_id" and _is_everywhere(name, past)]
    worst: dict[str, Suspicion] = {}
    for suspicion in (
        *find_future_values([*past, now], columns),
        *find_ids(train_sample, columns),
        *_find_target_leaks(train_sample, columns, task),
        *find_skew(past, now, columns),
        *find_empty(train_sample, columns),
    ):
        before = worst.get(suspicion.column)
        if before is None or (before.severity, suspicion.severity) == ("warn", "block"):
            worst[suspicion.column] = suspicion
    return sorted(worst.values(), key=lambda suspicion: (suspicion.severity, suspicion.column))


def _is_everywhere(name: object, snapshots: Sequence[Snapshot]) -> bool:
    return all(name in snapshot.features.columns for snapshot in snapshots)


def _sample_users(snapshot: S) -> S:
    """Keep every k-th user: features are sorted by user_id, so these are the same at every date, except new users."""
    step = -(-len(snapshot.features) // MAX_USERS) or 1
    return replace(snapshot, features=snapshot.features.iloc[::step].reset_index(drop=True))


def _find_target_leaks(snapshots: Sequence[LabelledSnapshot], columns: Sequence[str], task: Task) -> list[Suspicion]:
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    if task not in TARGETS:
        return []
    numeric = [name for name in columns if is_numeric_dtype(snapshots[-1].features[name])]
    values: dict[str, list[np.ndarray]] = {name: [] for name in numeric}
    outcomes: list[np.ndarray] = []
    for snapshot in snapshots:
        rows = snapshot.outcome.merge(snapshot.features, on="user_id")
        outcomes.append(rows[TARGETS[task]].to_numpy(dtype=float))
        for name in numeric:
            values[name].append(rows[name].to_numpy(dtype=float, na_value=float("nan")))
    stacked = {name: np.concatenate(parts) for name, parts in values.items()}
    return list(find_target_leaks(stacked, np.concatenate(outcomes), task == "binary"))
