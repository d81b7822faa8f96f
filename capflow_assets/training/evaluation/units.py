"""The units that predictions and outcomes are about: matching one to the other, and counting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.model import OUTCOME_COLUMNS, Task

if TYPE_CHECKING:
    import pandas as pd


def align_predictions(outcome: pd.DataFrame, prediction: pd.DataFrame, column: str, truths: int = 1) -> pd.Series:
    """Return `column` of the prediction for each row of the outcome. Raises ValueError if a unit was not predicted.

    The unit is all columns of the outcome but its last `truths`.
    """
    aligned = prediction.set_index(units := unit_columns(outcome, truths))[column].reindex(unit_index(outcome, units))
    missing = int(aligned.isna().sum())
    if missing:
        example = aligned.index[aligned.isna()][0]
        raise ValueError(
            f"{missing:,} of {len(outcome):,} rows of the outcome have no prediction ({column}), as {example!r}.\n"
            "The model's predict must cover every unit of its outcome."
        )
    return aligned


def unit_columns(outcome: pd.DataFrame, truths: int = 1) -> list[str]:
    """Return the columns that identify a unit: all of an outcome but its last `truths`."""
    return list(outcome.columns[:-truths])


def unit_index(frame: pd.DataFrame, units: list[str]) -> pd.Index:
    """Return the unit of each row as an index."""
    import pandas as pd

    return pd.Index(frame[units[0]]) if len(units) == 1 else pd.MultiIndex.from_frame(frame[units])


def count_units(task: Task, outcome: pd.DataFrame) -> int:
    """Return the number of distinct units in an outcome."""
    return len(outcome[unit_columns(outcome, len(OUTCOME_COLUMNS[task]))].drop_duplicates())
