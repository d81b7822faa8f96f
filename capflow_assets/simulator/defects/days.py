"""Which lines a defect hits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Defect(Protocol):
    """Clean line items and random numbers in, spoilt line items out; `days`: how many of the last days are hit."""

    def __call__(self, lines: pd.DataFrame, random: np.random.Generator, days: int = ...) -> pd.DataFrame:
        """The spoilt line items."""


ALL = 10**5
"""Days enough for any history."""


def recent(lines: pd.DataFrame, days: int) -> pd.Series:
    """Which lines are of the last so many days, the day of the last sale included."""
    import pandas as pd

    return lines["ts"] >= lines["ts"].max().normalize() - pd.Timedelta(days=days - 1)


def of_bills(lines: pd.DataFrame, share: float, random: np.random.Generator) -> np.ndarray:
    """Which lines belong to a random share of the bills."""
    import pandas as pd

    codes, bills = pd.factorize(lines["bill_id"])
    hit: np.ndarray = (random.random(len(bills)) < share)[codes]
    return hit
