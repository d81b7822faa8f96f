"""Users, items, stores and bills under wrong names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.defects.days import of_bills, recent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def missing_users(lines: pd.DataFrame, random: np.random.Generator, days: int = 60) -> pd.DataFrame:
    """The tills lost the loyalty reader: for the last 60 days 60 % of the bills carry no user_id."""
    hit = of_bills(lines, 0.6, random) & recent(lines, days)
    return lines.assign(user_id=lines["user_id"].mask(hit, None))


def users_merged(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """A till's own card was swiped for everyone: the known users of the last 3 days have one user_id."""
    hit = recent(lines, days) & lines["user_id"].notna()
    return lines.assign(user_id=lines["user_id"].mask(hit, "U00001"))


def users_rekeyed(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """A new loyalty system numbers users anew: the known users of the last 3 days have a user_id never seen before."""
    hit = recent(lines, days) & lines["user_id"].notna()
    return lines.assign(user_id=lines["user_id"].mask(hit, "N" + lines["user_id"].astype(str)))


def items_rekeyed(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """A new till system numbers items anew: the item_id of the last 3 days was never seen before."""
    return lines.assign(item_id=lines["item_id"].mask(recent(lines, days), "N" + lines["item_id"].astype(str)))


def missing_store(lines: pd.DataFrame, random: np.random.Generator, days: int = 60) -> pd.DataFrame:
    """A new till system sends no store_id: it is empty on half of the bills of the last 60 days."""
    hit = of_bills(lines, 0.5, random) & recent(lines, days)
    return lines.assign(store_id=lines["store_id"].mask(hit, None))


def ids_reused(lines: pd.DataFrame, random: np.random.Generator, days: int = 60) -> pd.DataFrame:
    """The receipt counter began again: bills of the last 60 days carry the bill_ids of the very first ones."""
    import pandas as pd

    bills = lines.loc[~lines["is_return"], "bill_id"].drop_duplicates()
    new = lines.loc[recent(lines, days) & ~lines["is_return"], "bill_id"].drop_duplicates()
    reused = pd.Series(bills.iloc[: len(new)].to_numpy(), index=new.iloc[: len(bills)].to_numpy())
    return lines.assign(bill_id=lines["bill_id"].map(reused).fillna(lines["bill_id"]))
