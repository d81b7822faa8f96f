"""Train/serve skew: features whose values where the model will be used differ from those it was trained on."""

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

MIN_USERS = 200
VARIED = 0.90  # a column varies if its most common value has a smaller share than this in training
GONE = 0.99
OFTEN_KNOWN = 0.50
BEYOND_USUAL = 3.0


def find_skew(past: Sequence[Snapshot], newest: Snapshot, columns: Sequence[str]) -> Iterator[Suspicion]:
    """Yield columns that went missing or constant (block), or moved far more than between earlier snapshots (warn).

    `past` are the snapshots with outcomes, oldest first. A feature that grows with the calendar moves at every date:
    the drift between past snapshots, as PSI for the same number of days, is usual for it and not counted.
    """
    if min(len(newest.features), len(past[-1].features)) < MIN_USERS:
        return
    for name in columns:
        numbers = [_numbers(snapshot.features[name]) for snapshot in (*past, newest)]
        if any(values is None for values in numbers):
            continue
        *before, now = [values for values in numbers if values is not None]
        suspicion = _find_loss(name, before[-1], now, newest) or _find_shift(name, before, now, past, newest)
        if suspicion is not None:
            yield suspicion


def _numbers(column: pd.Series) -> np.ndarray | None:
    from pandas.api.types import is_numeric_dtype

    return column.to_numpy(dtype=float, na_value=float("nan")) if is_numeric_dtype(column) else None


def _find_loss(name: str, then: np.ndarray, now: np.ndarray, newest: Snapshot) -> Suspicion | None:
    import numpy as np

    known_then, known_now = then[~np.isnan(then)], now[~np.isnan(now)]
    if len(known_then) < OFTEN_KNOWN * len(then):
        return None
    commonest = np.unique(known_then, return_counts=True)[1].max() / len(known_then)
    missing = 1.0 - len(known_now) / len(now)
    if missing >= GONE:
        evidence = f"is null for {missing:.0%} of users as of {newest.as_of:%Y-%m-%d}, where the model will be used; "
        return Suspicion(
            name, "gone", "block", evidence + f"it was for {1 - len(known_then) / len(then):.0%} in training"
        )
    if commonest < VARIED and (known_now == known_now[0]).all():
        evidence = f"is {known_now[0]:g} for every user as of {newest.as_of:%Y-%m-%d}, where the model will be used; "
        evidence += f"it had {len(np.unique(known_then)):,} values in training"
        return Suspicion(name, "gone", "block", evidence)
    return None


def _find_shift(
    name: str, before: Sequence[np.ndarray], now: np.ndarray, past: Sequence[Snapshot], newest: Snapshot
) -> Suspicion | None:
    shift = psi(before[-1], now)
    if shift <= PSI_SHIFTED:
        return None
    days = (newest.as_of - past[-1].as_of).days
    usual = 0.0
    for (one, then), (other, later) in pairwise(zip(past, before, strict=True)):
        between = max(1, (other.as_of - one.as_of).days)
        usual = max(usual, psi(then, later) * (days / between) ** 2)  # twice the distance is four times the PSI
    if shift <= BEYOND_USUAL * usual or len(before) < 2:
        return None
    evidence = f"has moved since {past[-1].as_of:%Y-%m-%d}: PSI {shift:.2f}, where {usual:.2f} would be usual"
    return Suspicion(name, "skew", "warn", evidence)
