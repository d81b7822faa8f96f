"""Dates and times of day that are not when the sale was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.defects.days import ALL, of_bills, recent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def timezone_moved(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """A server moved to another time zone: ts of the last 7 days is 5 hours earlier."""
    import pandas as pd

    return lines.assign(ts=lines["ts"].mask(recent(lines, days), lines["ts"] - pd.Timedelta(hours=5)))


def dates_a_day_late(lines: pd.DataFrame, random: np.random.Generator, days: int = 5) -> pd.DataFrame:
    """The date of the export was taken for the date of the sale: ts of the last 5 days is a day later."""
    import pandas as pd

    return lines.assign(ts=lines["ts"].mask(recent(lines, days), lines["ts"] + pd.Timedelta(days=1)))


def day_and_month_swapped(lines: pd.DataFrame, random: np.random.Generator, days: int = 30) -> pd.DataFrame:
    """American dates were read as European: in the last 30 days month and day change places where both can."""
    import pandas as pd

    hit = recent(lines, days) & (lines["ts"].dt.day <= 12)
    swapped = pd.to_datetime(
        {"year": lines["ts"].dt.year, "month": lines["ts"].dt.day.where(hit, 1), "day": lines["ts"].dt.month}
    )
    moved = swapped + (lines["ts"] - lines["ts"].dt.normalize())
    return lines.assign(ts=lines["ts"].mask(hit, moved.astype(lines["ts"].dtype)))


def future_dates(lines: pd.DataFrame, random: np.random.Generator, days: int = ALL) -> pd.DataFrame:
    """A till's clock is wrong: 2 % of the bills carry a ts at least a year after the last sale."""
    import pandas as pd

    hit = of_bills(lines, 0.02, random) & recent(lines, days)
    ahead = pd.Timedelta(days=365 + (lines["ts"].max() - lines["ts"].min()).days)
    return lines.assign(ts=lines["ts"].mask(hit, lines["ts"] + ahead))


def text_dates(lines: pd.DataFrame, random: np.random.Generator, days: int = ALL) -> pd.DataFrame:
    """Dates became text, and 4 % of the bills have one that is no date (month 13, hour 25)."""
    hit = of_bills(lines, 0.04, random) & recent(lines, days)
    text = lines["ts"].astype("datetime64[s]").astype(str)
    return lines.assign(ts=text.mask(hit, text.str[:5] + "13" + text.str[7:11] + "25:00:00").astype(object))
