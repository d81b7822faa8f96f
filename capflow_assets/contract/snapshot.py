"""What a model sees of one customer as of a date, and what it is trained and evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis
    import pandas as pd

LABELS: Mapping[str, tuple[str, ...]] = {"media": ("label",), "reviews": ("rating",)}
"""The columns, by table, that a model with `learns_from = "labels"` gets in its outcome only."""


@dataclass(frozen=True)
class Snapshot:
    """One customer's features and tables as of a date. Nothing in it is from `as_of` or later.

    `features` has one row per user (`user_id` plus the columns of the model's feature sets), sorted by user_id.
    `tables` holds the validated tables that the model names, cut to rows before `as_of` (an optional table may be
    missing), and its feature sets with another key than the user as "features/<set>", as of that date. The columns in
    LABELS are not in `tables` if the model learns from labels.
    """

    customer: str
    as_of: datetime
    features: pd.DataFrame
    tables: Mapping[str, ibis.Table]

    def with_outcome(self, outcome: pd.DataFrame) -> LabelledSnapshot:
        """Return this snapshot with an outcome."""
        return LabelledSnapshot(self.customer, self.as_of, self.features, self.tables, outcome)


@dataclass(frozen=True)
class LabelledSnapshot(Snapshot):
    """A snapshot with its outcome: what `Model.outcome` found in [as_of, as_of + horizon)."""

    outcome: pd.DataFrame


def drop_labels(tables: Mapping[str, ibis.Table]) -> dict[str, ibis.Table]:
    """Return the tables without the columns in LABELS, which a model that learns from labels has to predict."""
    return {name: table.drop(*LABELS[name]) if name in LABELS else table for name, table in tables.items()}
