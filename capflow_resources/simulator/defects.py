"""What goes wrong with retailers' data: each defect changes a retailer's line items as a real accident did.

A defect takes clean line items and random numbers and gives back line items; dates are relative to the last sale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Defect = Callable[["pd.DataFrame", "np.random.Generator"], "pd.DataFrame"]


def duplicated_load(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """A recent quarter's file was delivered twice: exact copies of its rows, more than 8 % of all, come at the end."""
    import pandas as pd

    quarters = lines["ts"].dt.to_period("Q")
    sizes = quarters.value_counts().sort_index(ascending=False)
    big = sizes[sizes >= 0.1 * len(lines)]
    if len(big):  # the latest that is a tenth of the rows by itself
        copied = quarters == big.index[0]
    else:  # in a long history the latest ones that together are
        copied = quarters >= sizes.index[(sizes.cumsum() >= 0.1 * len(lines)).to_numpy().argmax()]
    return pd.concat([lines, lines[copied]], ignore_index=True)


def missing_users(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The tills lost the loyalty reader: for the last 60 days 60 % of the bills carry no user_id."""
    hit = _bills(lines, 0.6, random) & _recent(lines, 60)
    return lines.assign(user_id=lines["user_id"].mask(hit, None))


def cents(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The export changed its unit: unit_price and discount of the last 30 days are in cents, a hundredfold."""
    factor = _recent(lines, 30).map({True: 100.0, False: 1.0})
    return lines.assign(
        unit_price=(lines["unit_price"] * factor).round(2), discount=(lines["discount"] * factor).round(2)
    )


def truncated_day(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The export ran at 11 in the morning: the rest of the last day is missing."""
    import pandas as pd

    cut = lines["ts"].max().normalize() + pd.Timedelta(hours=11)
    return lines[lines["ts"] < cut].reset_index(drop=True)


def future_dates(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """A till's clock is wrong: 2 % of the bills carry a ts at least a year after the last sale."""
    import pandas as pd

    hit = _bills(lines, 0.02, random)
    ahead = pd.Timedelta(days=365 + (lines["ts"].max() - lines["ts"].min()).days)
    return lines.assign(ts=lines["ts"].mask(hit, lines["ts"] + ahead))


def negative_prices(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Corrections were booked as sales: 3 % of the sold lines have the unit_price below zero."""
    hit = (random.random(len(lines)) < 0.03) & ~lines["is_return"]
    return lines.assign(unit_price=lines["unit_price"].mask(hit, -lines["unit_price"]))


def missing_store(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """A new till system sends no store_id: it is empty on half of the bills of the last 60 days."""
    hit = _bills(lines, 0.5, random) & _recent(lines, 60)
    return lines.assign(store_id=lines["store_id"].mask(hit, None))


def text_dates(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Dates became text, and 4 % of the bills have one that is no date (month 13, hour 25)."""
    hit = _bills(lines, 0.04, random)
    text = lines["ts"].astype("datetime64[s]").astype(str)
    return lines.assign(ts=text.mask(hit, text.str[:5] + "13" + text.str[7:11] + "25:00:00").astype(object))


def ids_reused(lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The receipt counter began again: bills of the last 60 days carry the bill_ids of the very first ones."""
    import pandas as pd

    bills = lines.loc[~lines["is_return"], "bill_id"].drop_duplicates()
    new = lines.loc[_recent(lines, 60) & ~lines["is_return"], "bill_id"].drop_duplicates()
    reused = pd.Series(bills.iloc[: len(new)].to_numpy(), index=new.iloc[: len(bills)].to_numpy())
    return lines.assign(bill_id=lines["bill_id"].map(reused).fillna(lines["bill_id"]))


# In the order in which they are applied: copies are of rows already spoilt, and text dates come when no other reads ts.
DEFECTS: dict[str, Defect] = {
    "missing_users": missing_users,
    "cents": cents,
    "truncated_day": truncated_day,
    "future_dates": future_dates,
    "negative_prices": negative_prices,
    "missing_store": missing_store,
    "ids_reused": ids_reused,
    "duplicated_load": duplicated_load,
    "text_dates": text_dates,
}


def _recent(lines: pd.DataFrame, days: int) -> pd.Series:
    """Which lines are of the last so many days, the day of the last sale included."""
    import pandas as pd

    return lines["ts"] >= lines["ts"].max().normalize() - pd.Timedelta(days=days - 1)


def _bills(lines: pd.DataFrame, share: float, random: np.random.Generator) -> np.ndarray:
    """Which lines belong to a random share of the bills."""
    import pandas as pd

    codes, bills = pd.factorize(lines["bill_id"])
    return (random.random(len(bills)) < share)[codes]
