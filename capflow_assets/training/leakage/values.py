"""Suspicions from a column's own values: ids, times in the future, missing or constant columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.training.leakage.suspicion import Suspicion

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from capflow_assets.contract.snapshot import Snapshot

DISTINCT = 0.98
UNCHANGED = 0.99
ORDERED = 0.99
MIN_IDS = 100
YEAR_2000, YEAR_2100 = datetime(2000, 1, 1), datetime(2100, 1, 1)
EPOCH = datetime(1970, 1, 1)
EPOCH_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
SINCE = ("days_since", "recency_days")


def find_empty(snapshots: Sequence[Snapshot], columns: Sequence[str]) -> Iterator[Suspicion]:
    """Yield columns that are null, or constant, for every user of every snapshot: they teach nothing."""
    for name in columns:
        values = [snapshot.features[name].dropna() for snapshot in snapshots]
        if not sum(map(len, values)):
            yield Suspicion(name, "missing", "warn", "is null for every user in the training data")
        elif len({value for column in values for value in column.unique()[:2].tolist()}) == 1:
            yield Suspicion(name, "constant", "warn", f"is {values[0].iloc[0]} for every user in the training data")


def find_ids(snapshots: Sequence[Snapshot], columns: Sequence[str]) -> Iterator[Suspicion]:
    """Yield columns that identify users instead of describing them.

    Whole numbers, nearly all distinct, that stay with their user from one snapshot to the next; with one snapshot only,
    that are close together or in the order of the user ids. Text that is distinct for nearly every user is only a
    warning, since models read numbers.
    """
    latest = snapshots[-1].features
    for name in columns:
        known = latest[name].dropna()
        if len(known) < MIN_IDS or known.nunique() < DISTINCT * len(known) or _is_time(known):
            continue
        share = known.nunique() / len(known)
        if not _is_number(known):
            yield Suspicion(name, "id", "warn", f"is an id: text, different for {share:.0%} of users")
        elif (proof := _id_evidence(known.to_numpy(dtype=float), name, snapshots)) is not None:
            yield Suspicion(
                name, "id", "block", f"is an id: whole numbers, different for {share:.0%} of users, {proof}"
            )


def find_future_values(snapshots: Sequence[Snapshot], columns: Sequence[str]) -> Iterator[Suspicion]:
    """Yield columns that hold a time at or after the snapshot's as_of."""
    for name in columns:
        for snapshot in snapshots:
            known = snapshot.features[name].dropna()
            late = _count_late(known, name, snapshot.as_of)
            if late:
                evidence = f"holds times from {snapshot.as_of:%Y-%m-%d} on for {late:,} users, as of that date"
                yield Suspicion(name, "future", "block", evidence)
                break


def _is_time(values: pd.Series) -> bool:
    from pandas.api.types import is_datetime64_any_dtype

    return bool(is_datetime64_any_dtype(values))


def _is_number(values: pd.Series) -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return bool(is_numeric_dtype(values)) and not is_bool_dtype(values)


def _is_whole(values: np.ndarray) -> bool:
    return bool((values == values.round()).all())


def _id_evidence(values: np.ndarray, name: str, snapshots: Sequence[Snapshot]) -> str | None:
    import numpy as np

    if not _is_whole(values):
        return None
    if len(snapshots) > 1:
        then, now = (snapshot.features.set_index("user_id")[name].dropna() for snapshot in snapshots[-2:])
        both = then.index.intersection(now.index)
        if len(both) >= MIN_IDS:
            same = float((then[both] == now[both]).mean())
            return f"unchanged since {snapshots[-2].as_of:%Y-%m-%d}" if same >= UNCHANGED else None
    if values.max() - values.min() < 2 * len(values):
        return "close together like serial numbers"
    order = np.corrcoef(values.argsort().argsort(), np.arange(len(values)))[0, 1]
    return "in the order of the user ids" if abs(order) >= ORDERED else None


def _count_late(values: pd.Series, name: str, as_of: datetime) -> int:
    """Return how many values are times at or after `as_of`: timestamps, epoch numbers, or negative days since."""
    import pandas as pd

    if not len(values):
        return 0
    if _is_time(values):
        moments = values.dt.tz_convert("UTC").dt.tz_localize(None) if values.dt.tz is not None else values
        return int((moments >= pd.Timestamp(as_of)).sum())
    if not _is_number(values):
        return 0
    if any(word in name for word in SINCE):
        return int((values < 0).sum())
    low, high = float(values.min()), float(values.max())
    for unit in EPOCH_UNITS.values():
        begin, end = ((year - EPOCH).total_seconds() * unit for year in (YEAR_2000, YEAR_2100))
        if begin <= low and high < end and _is_whole(values.to_numpy(dtype=float)):
            return int((values >= (as_of - EPOCH).total_seconds() * unit).sum())
    return 0
