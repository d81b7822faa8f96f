"""The table that every model's predict returns: exact columns, exact types, reasons as short lists of words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model

if TYPE_CHECKING:
    import pandas as pd

MOST_REASONS = 3
_DTYPES = {"score": "float64", "value": "float64", "rank": "int64", "week": "int64", "reasons": "object"}


def prediction_frame(model: Model, columns: Mapping[str, Iterable[Any]]) -> pd.DataFrame:
    """Predictions with the model's columns in order and their types; `reasons` may be left out (empty).

    Ids and labels are text, extras are numbers. Raises ValueError when a column is missing or unknown, or a number is
    not finite.
    """
    import numpy as np
    import pandas as pd

    given = dict(columns)
    given.setdefault("reasons", [[] for _ in given[model.unit[0]]])
    wanted = model.prediction_columns
    if set(given) != set(wanted):
        raise ValueError(f"{model.name} predicts the columns {', '.join(wanted)}, not {', '.join(given)}.")
    dtypes = {name: _DTYPES.get(name, "float64" if name in model.extras else "str") for name in wanted}
    frame = pd.DataFrame({name: pd.Series(list(given[name]), dtype=dtypes[name]) for name in wanted})
    for name in wanted:
        wrong = int((~np.isfinite(frame[name])).sum()) if dtypes[name] == "float64" else 0
        if wrong:
            raise ValueError(f"{wrong:,} of {len(frame):,} predictions have a {name} that is not a finite number.")
    return frame
