"""The table that every model's predict returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model

if TYPE_CHECKING:
    import pandas as pd

MOST_REASONS = 3
_DTYPES = {"score": "float64", "value": "float64", "rank": "int64", "week": "int64", "reasons": "object"}


def prediction_frame(model: Model, columns: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Return a prediction with the model's columns, in order and with their types.

    Ids and labels become text, `score`, `value` and extras float64, `rank` and `week` int64; `reasons` default to empty
    lists. Raises ValueError if a column is missing or unknown, or a number is not finite.
    """
    import numpy as np
    import pandas as pd

    given = dict(columns)
    given.setdefault("reasons", [[] for _ in given[model.unit[0]]])
    expected = model.prediction_columns
    if set(given) != set(expected):
        raise ValueError(f"{model.name} predicts the columns {', '.join(expected)}, not {', '.join(given)}.")
    dtypes = {name: _DTYPES.get(name, "float64" if name in model.extras else "str") for name in expected}
    frame = pd.DataFrame({name: pd.Series(list(given[name]), dtype=dtypes[name]) for name in expected})
    for name in expected:
        infinite = int((~np.isfinite(frame[name])).sum()) if dtypes[name] == "float64" else 0
        if infinite:
            raise ValueError(f"{infinite:,} of {len(frame):,} predictions have a {name} that is not a finite number.")
    return frame
