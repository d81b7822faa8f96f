"""Files, stores and days that were not loaded, loaded in part, or loaded twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.defects.days import recent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def duplicated_load(lines: pd.DataFrame, random: np.random.Generator, days: int = 0) -> pd.DataFrame:
    """A recent quarter's file was delivered twice: exact copies of its rows, more than 8 % of all, come at the end."""
    import pandas as pd

    if days:
        return pd.concat([lines, lines[recent(lines, days)]], ignore_index=True)
    quarters = lines["ts"].dt.to_period("Q")
    sizes = quarters.value_counts().sort_index(ascending=False)
    big = sizes[sizes >= 0.1 * len(lines)]
    if len(big):  # the latest that is a tenth of the rows by itself
        copied = quarters == big.index[0]
    else:  # in a long history the latest ones that together are
        copied = quarters >= sizes.index[(sizes.cumsum() >= 0.1 * len(lines)).to_numpy().argmax()]
    return pd.concat([lines, lines[copied]], ignore_index=True)


def duplicated_day(lines: pd.DataFrame, random: np.random.Generator, days: int = 1) -> pd.DataFrame:
    """The last day was loaded twice under new numbers: its bills come once more, with bill_ids of their own."""
    import pandas as pd

    again = lines[recent(lines, days)]
    return pd.concat([lines, again.assign(bill_id="D" + again["bill_id"].astype(str))], ignore_index=True)


def truncated_day(lines: pd.DataFrame, random: np.random.Generator, days: int = 1) -> pd.DataFrame:
    """The export ran at 11 in the morning: the rest of the last day is missing."""
    import pandas as pd

    cut = recent(lines, days) & (lines["ts"] - lines["ts"].dt.normalize() >= pd.Timedelta(hours=11))
    return lines[~cut].reset_index(drop=True)


def day_missing(lines: pd.DataFrame, random: np.random.Generator, days: int = 2) -> pd.DataFrame:
    """A nightly file never came: the day before the last one has no lines."""
    hit = recent(lines, days) & ~recent(lines, 1)
    return lines[~hit].reset_index(drop=True)


def store_missing(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """A store's line was dead: the busiest store has no lines in the last 7 days."""
    stores = lines.loc[lines["store_id"] != "WEB", "store_id"].value_counts()
    hit = recent(lines, days) & (lines["store_id"] == (stores.index[0] if len(stores) else ""))
    return lines[~hit].reset_index(drop=True)


def channel_missing(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """The web shop's export failed: there are no online lines in the last 7 days."""
    return lines[~(recent(lines, days) & (lines["channel"] == "online"))].reset_index(drop=True)


def half_of_lines_lost(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """A join dropped what it did not match: half of the lines of the last 7 days are missing, at random."""
    return lines[~(recent(lines, days) & (random.random(len(lines)) < 0.5))].reset_index(drop=True)


def stuck_feed(lines: pd.DataFrame, random: np.random.Generator, days: int = 2) -> pd.DataFrame:
    """The feed is stuck: the last 2 days are the day before them once more, with only the dates moved on."""
    import pandas as pd

    last = lines["ts"].max().normalize()
    source = lines[lines["ts"].dt.normalize() == last - pd.Timedelta(days=days)]
    again = [source.assign(ts=source["ts"] + pd.Timedelta(days=number)) for number in range(1, days + 1)]
    return pd.concat([lines[~recent(lines, days)], *again], ignore_index=True) if len(source) else lines
