"""Train/serve skew: features that, where the model will be used, are not what it learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from capflow_assets.methods.psi import PSI_SHIFTED, psi
from capflow_assets.training.leakage.suspicion import Suspicion

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from capflow_assets.contract.snapshot import Snapshot

FEWEST_USERS = 200
VARIED = 0.90  # a column whose commonest value has a smaller share than this in training is one that varies
GONE = 0.99
OFTEN_KNOWN = 0.50
BEYOND_HABIT = 3.0


def find_skew(past: Sequence[Snapshot], newest: Snapshot, columns: Sequence[str]) -> Iterator[Suspicion]:
    """Columns that went missing or constant (block), or moved far more than from snapshot to snapshot before (warn).

    `past` are the snapshots with outcomes, oldest first. A feature that grows with the calendar moves at every date:
    how far the past snapshots lie apart, as PSI for the same number of days, is its habit, and not held against it.
    """
    if min(len(newest.features), len(past[-1].features)) < FEWEST_USERS:
        return
    for name in columns:
        numbers = [_numbers(snapshot.features[name]) for snapshot in (*past, newest)]
        if any(values is None for values in numbers):
            continue
        *before, now = [values for values in numbers if values is not None]
        found = _gone(name, before[-1], now, newest) or _moved(name, before, now, past, newest)
        if found is not None:
            yield found


def _numbers(column: pd.Series) -> np.ndarray | None:
    from pandas.api.types import is_numeric_dtype

    return column.to_numpy(dtype=float, na_value=float("nan")) if is_numeric_dtype(column) else None


def _gone(name: str, then: np.ndarray, now: np.ndarray, newest: Snapshot) -> Suspicion | None:
    import numpy as np

    known_then, known_now = then[~np.isnan(then)], now[~np.isnan(now)]
    if len(known_then) < OFTEN_KNOWN * len(then):
        return None
    commonest = np.unique(known_then, return_counts=True)[1].max() / len(known_then)
    missing = 1.0 - len(known_now) / len(now)
    if missing >= GONE:
        told = f"is null for {missing:.0%} of users as of {newest.as_of:%Y-%m-%d}, where the model will be used; "
        return Suspicion(name, "gone", "block", told + f"it was for {1 - len(known_then) / len(then):.0%} in training")
    if commonest < VARIED and (known_now == known_now[0]).all():
        told = f"is {known_now[0]:g} for every user as of {newest.as_of:%Y-%m-%d}, where the model will be used; "
        return Suspicion(name, "gone", "block", told + f"it had {len(np.unique(known_then)):,} values in training")
    return None


def _moved(
    name: str, before: Sequence[np.ndarray], now: np.ndarray, past: Sequence[Snapshot], newest: Snapshot
) -> Suspicion | None:
    shift = psi(before[-1], now)
    if shift <= PSI_SHIFTED:
        return None
    days = (newest.as_of - past[-1].as_of).days
    habit = 0.0
    for (one, then), (other, later) in pairwise(zip(past, before, strict=True)):
        between = max(1, (other.as_of - one.as_of).days)
        habit = max(habit, psi(then, later) * (days / between) ** 2)  # twice the way is four times the PSI
    if shift <= BEYOND_HABIT * habit or len(before) < 2:
        return None
    told = f"has moved since {past[-1].as_of:%Y-%m-%d}: PSI {shift:.2f}, where {habit:.2f} would be usual"
    return Suspicion(name, "skew", "warn", told)
