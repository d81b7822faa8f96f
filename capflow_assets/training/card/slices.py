"""Slices: how good a model is for some of the units only: recent visitors, low spenders, one channel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from capflow_assets.contract.model import OUTCOME_COLUMNS, Model, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.visits import last_day_before, visit_history
from capflow_assets.training.card.formatting import unit_noun
from capflow_assets.training.card.record import Slice
from capflow_assets.training.evaluation.metrics import metric
from capflow_assets.training.evaluation.units import count_units, unit_columns

if TYPE_CHECKING:
    import pandas as pd

THIRDS = (1 / 3, 2 / 3)
MIN_UNITS = 50
MAX_COLUMNS, MAX_VALUES = 3, 8
DESCRIPTIONS = {
    r"recency_days": "days since the last visit",
    r"frequency_bills|visits": "visits so far",
    r"frequency_bills_(\d+)d": "visits in the last {} days",
    r"spend": "spend so far",
    r"spend_(\d+)d": "spend in the last {} days",
    r"tenure_days": "days since the first visit",
}
_FAMILIES = (("recency_days",), ("frequency_bills", "visits"), ("spend",), ("tenure_days",))
_NOT_KNOWN = "not known"
_CLASSES: dict[Task, tuple[str, int, str]] = {
    "binary": ("label", 10, "for whom it came true, or for whom it did not"),
    "uplift": ("treated", 25, "who were contacted, or who were held back"),
}


def evaluate_slices(
    model: Model, snapshot: LabelledSnapshot, prediction: pd.DataFrame, baseline: pd.DataFrame
) -> list[Slice]:
    """Evaluate the model on each group of units, and the baseline too.

    Users are grouped in thirds of up to three columns that say how recently, how often and for how much they bought
    (equal values stay together), other units by the values of their own columns. A group of fewer than 50 units, or
    with hardly anyone of one class, has no value: `why` says so.
    """
    slices = []
    for by, column, groups in _groups(model, snapshot):
        parts = [_group_labels(frame, column, groups) for frame in (snapshot.outcome, prediction, baseline)]
        for group in dict.fromkeys(groups.tolist()):
            frames = [
                frame[(labels == group).to_numpy()]
                for frame, labels in zip((snapshot.outcome, prediction, baseline), parts, strict=True)
            ]
            if len(frames[0]):
                slices.append(_evaluate(model, by, group, *frames))
    return slices


def describe_column(column: str) -> str:
    """Return a feature column in an analyst's words."""
    for pattern, words in DESCRIPTIONS.items():
        if match := re.fullmatch(pattern, column):
            return words.format(*match.groups())
    return column.removesuffix("_id").replace("_", " ")


def _evaluate(
    model: Model, by: str, group: str, outcome: pd.DataFrame, prediction: pd.DataFrame, baseline: pd.DataFrame
) -> Slice:
    units = count_units(model.task, outcome)
    if units < MIN_UNITS:
        return Slice(by, group, units, why=f"fewer than {MIN_UNITS} {unit_noun(model.unit)}")
    if model.task in _CLASSES:
        column, least, words = _CLASSES[model.task]
        if min((outcome[column] == kind).sum() for kind in (0, 1)) < least:
            return Slice(by, group, units, why=f"fewer than {least} {words}")
    measure = metric(model.metric)
    result = measure.evaluate(outcome, prediction)
    return Slice(by, group, units, result.value, result.low, result.high, measure.value(outcome, baseline))


def _groups(model: Model, snapshot: LabelledSnapshot) -> Iterator[tuple[str, str, pd.Series]]:
    """Yield what to slice by, the column of the unit that it groups, and the group of each value of that column."""
    import pandas as pd

    units = snapshot.outcome[unit_columns(snapshot.outcome, len(OUTCOME_COLUMNS[model.task]))].drop_duplicates()
    for column in units.columns:
        if column == "user_id":
            yield from _user_groups(snapshot, pd.Index(units["user_id"].unique(), name="user_id"))
            continue
        sizes = units[column].astype(str).value_counts()
        if len(sizes) > 1 and sizes.iloc[0] > 1:  # each unit its own value: nothing to slice by
            values = sorted(sorted(sizes.index), key=lambda value: -sizes[value])
            shown = values[: MAX_VALUES if sizes.iloc[0] >= MIN_UNITS else 1]  # all too small: one row says so
            more = f" (the largest of {len(values):,})" if len(shown) < len(values) else ""
            yield f"{describe_column(column)}{more}", column, pd.Series(shown, index=shown)


def _user_groups(snapshot: Snapshot, users: pd.Index) -> Iterator[tuple[str, str, pd.Series]]:
    import pandas as pd

    features = _features(snapshot)
    for column in _choose_columns(list(features.columns)):
        values = pd.to_numeric(features[column], errors="coerce").astype("float64").reindex(users)
        groups = _thirds(values)
        if groups.nunique() > 1:
            yield describe_column(column), "user_id", groups


def _features(snapshot: Snapshot) -> pd.DataFrame:
    """Return the test date's features by user; for a model without any, figures from its sales."""
    import pandas as pd

    features = snapshot.features
    if "user_id" in features.columns and _choose_columns(list(features.columns)):
        return features.set_index("user_id")
    sales = snapshot.tables.get("bills", snapshot.tables.get("line_items"))
    if sales is None or not {"user_id", "ts", "amount", "is_return"} <= set(sales.columns):
        return pd.DataFrame()
    history = visit_history(sales, snapshot.as_of).set_index("user_id")
    today = last_day_before(snapshot.as_of) + 1
    return pd.DataFrame(
        {
            "recency_days": today - history["last_day"],
            "visits": history["visits"],
            "spend": history["cents"] / 100.0,
        }
    )


def _choose_columns(columns: list[str]) -> list[str]:
    """Return one column per family: the whole past if there is one, else the longest window."""
    chosen = []
    for names in _FAMILIES:
        windows = [
            (int(m[1]), column) for column in columns for n in names if (m := re.fullmatch(rf"{n}_(\d+)d", column))
        ]
        whole = [name for name in names if name in columns]
        chosen += (whole or [column for _, column in sorted(windows, reverse=True)])[:1]
    return chosen[:MAX_COLUMNS]


def _thirds(values: pd.Series) -> pd.Series:
    """Return the third that each value lies in, labelled by its least and greatest value; sorted, unknown last."""
    import numpy as np
    import pandas as pd

    known = values.dropna().sort_values()
    third = np.searchsorted(known.quantile(list(THIRDS)).to_numpy(), known.to_numpy(), side="left")
    labels = pd.Series("", index=known.index, dtype="object")
    for number in np.unique(third):
        inside = known[third == number]
        labels[third == number] = _span(float(inside.iloc[0]), float(inside.iloc[-1]))
    return pd.concat([labels, pd.Series(_NOT_KNOWN, index=values.index[values.isna()], dtype="object")])


def _span(least: float, most: float) -> str:
    ends = [f"{end:,.0f}" if end == round(end) or abs(end) >= 1000 else f"{end:,.2f}" for end in (least, most)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _group_labels(frame: pd.DataFrame, column: str, groups: pd.Series) -> pd.Series:
    return (frame[column] if column == "user_id" else frame[column].astype(str)).map(groups)
