"""The table that every model's predict returns: exact columns, exact types, reasons as short lists of words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from capflow_assets.models.base import PREDICTION_COLUMNS, Task

if TYPE_CHECKING:
    import pandas as pd

MOST_REASONS = 3
_DTYPES = {
    "user_id": "str",
    "item_id": "str",
    "label": "str",
    "score": "float64",
    "value": "float64",
    "rank": "int64",
    "reasons": "object",
}


def prediction_frame(task: Task, columns: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Predictions of one task with PREDICTION_COLUMNS in order and their types; `reasons` may be left out (empty).

    Raises ValueError when a column is missing or unknown, or a number is not finite.
    """
    import numpy as np
    import pandas as pd

    given = dict(columns)
    given.setdefault("reasons", [[] for _ in given["user_id"]])
    wanted = PREDICTION_COLUMNS[task]
    if set(given) != set(wanted):
        raise ValueError(f"a {task} prediction has the columns {', '.join(wanted)}, not {', '.join(given)}.")
    frame = pd.DataFrame({name: pd.Series(list(given[name]), dtype=_DTYPES[name]) for name in wanted})
    for name in {"score", "value"} & set(wanted):
        wrong = int((~np.isfinite(frame[name])).sum())
        if wrong:
            raise ValueError(f"{wrong:,} of {len(frame):,} predictions have a {name} that is not a finite number.")
    return frame
