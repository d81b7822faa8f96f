"""Defects of retailers' data: each changes a retailer's line items as a real accident did.

A defect takes clean line items and random numbers and returns line items. It hits the last days of sales; `days` says
how many, where another number than the defect's own is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Defect(Protocol):
    """Spoils clean line items, with random numbers; `days`: how many of the last days are hit."""

    def __call__(self, lines: pd.DataFrame, random: np.random.Generator, days: int = ...) -> pd.DataFrame:
        """Return the spoilt line items."""


ALL = 10**5
"""Days enough for any history."""


def in_last_days(lines: pd.DataFrame, days: int) -> pd.Series:
    """Return which lines are of the last so many days, the day of the last sale included."""
    import pandas as pd

    return lines["ts"] >= lines["ts"].max().normalize() - pd.Timedelta(days=days - 1)


def in_random_bills(lines: pd.DataFrame, share: float, random: np.random.Generator) -> np.ndarray:
    """Return which lines belong to a random share of the bills."""
    import pandas as pd

    codes, bills = pd.factorize(lines["bill_id"])
    hit: np.ndarray = (random.random(len(bills)) < share)[codes]
    return hit


# Users, items, stores and bills under wrong ids.


def lose_users(lines: pd.DataFrame, random: np.random.Generator, days: int = 60) -> pd.DataFrame:
    """Take the loyalty reader from the tills: for the last 60 days 60 % of the bills have no user_id."""
    hit = in_random_bills(lines, 0.6, random) & in_last_days(lines, days)
    return lines.assign(user_id=lines["user_id"].mask(hit, None))


def merge_users(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Swipe the till's own card for everyone: the known users of the last 3 days have one user_id."""
    hit = in_last_days(lines, days) & lines["user_id"].notna()
    return lines.assign(user_id=lines["user_id"].mask(hit, "U00001"))


def rekey_users(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Renumber users in a new loyalty system: known users of the last 3 days have a user_id never seen before."""
    hit = in_last_days(lines, days) & lines["user_id"].notna()
    return lines.assign(user_id=lines["user_id"].mask(hit, "N" + lines["user_id"].astype(str)))


def rekey_items(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Renumber items in a new till system: the item_id of the last 3 days was never seen before."""
    return lines.assign(item_id=lines["item_id"].mask(in_last_days(lines, days), "N" + lines["item_id"].astype(str)))


def lose_stores(lines: pd.DataFrame, random: np.random.Generator, days: int = 60) -> pd.DataFrame:
    """Send no store_id from a new till system: it is empty on half of the bills of the last 60 days."""
    hit = in_random_bills(lines, 0.5, random) & in_last_days(lines, days)
    return lines.assign(store_id=lines["store_id"].mask(hit, None))


def reuse_bill_ids(lines: pd.DataFrame, random: np.random.Generator, days: int = 60) -> pd.DataFrame:
    """Restart the receipt counter: bills of the last 60 days have the bill_ids of the very first ones."""
    import pandas as pd

    bills = lines.loc[~lines["is_return"], "bill_id"].drop_duplicates()
    new = lines.loc[in_last_days(lines, days) & ~lines["is_return"], "bill_id"].drop_duplicates()
    reused = pd.Series(bills.iloc[: len(new)].to_numpy(), index=new.iloc[: len(bills)].to_numpy())
    return lines.assign(bill_id=lines["bill_id"].map(reused).fillna(lines["bill_id"]))


# Files, stores and days that were not loaded, loaded in part, or loaded twice.


def duplicate_load(lines: pd.DataFrame, random: np.random.Generator, days: int = 0) -> pd.DataFrame:
    """Deliver a recent quarter's file twice: exact copies of its rows, more than 8 % of all, come at the end."""
    import pandas as pd

    if days:
        return pd.concat([lines, lines[in_last_days(lines, days)]], ignore_index=True)
    quarters = lines["ts"].dt.to_period("Q")
    sizes = quarters.value_counts().sort_index(ascending=False)
    big = sizes[sizes >= 0.1 * len(lines)]
    if len(big):  # the latest that is a tenth of the rows by itself
        copied = quarters == big.index[0]
    else:  # in a long history the latest ones that together are
        copied = quarters >= sizes.index[(sizes.cumsum() >= 0.1 * len(lines)).to_numpy().argmax()]
    return pd.concat([lines, lines[copied]], ignore_index=True)


def duplicate_day(lines: pd.DataFrame, random: np.random.Generator, days: int = 1) -> pd.DataFrame:
    """Load the last day twice under new numbers: its bills come once more, with bill_ids of their own."""
    import pandas as pd

    again = lines[in_last_days(lines, days)]
    return pd.concat([lines, again.assign(bill_id="D" + again["bill_id"].astype(str))], ignore_index=True)


def truncate_day(lines: pd.DataFrame, random: np.random.Generator, days: int = 1) -> pd.DataFrame:
    """Export at 11 in the morning: the rest of the last day is missing."""
    import pandas as pd

    cut = in_last_days(lines, days) & (lines["ts"] - lines["ts"].dt.normalize() >= pd.Timedelta(hours=11))
    return lines[~cut].reset_index(drop=True)


def drop_day(lines: pd.DataFrame, random: np.random.Generator, days: int = 2) -> pd.DataFrame:
    """Lose a nightly file: the day before the last one has no lines."""
    hit = in_last_days(lines, days) & ~in_last_days(lines, 1)
    return lines[~hit].reset_index(drop=True)


def drop_store(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """Cut a store's line: the busiest store has no lines in the last 7 days."""
    stores = lines.loc[lines["store_id"] != "WEB", "store_id"].value_counts()
    hit = in_last_days(lines, days) & (lines["store_id"] == (stores.index[0] if len(stores) else ""))
    return lines[~hit].reset_index(drop=True)


def drop_channel(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """Fail the web shop's export: there are no online lines in the last 7 days."""
    return lines[~(in_last_days(lines, days) & (lines["channel"] == "online"))].reset_index(drop=True)


def drop_half_of_lines(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """Join without matches: half of the lines of the last 7 days are missing, at random."""
    return lines[~(in_last_days(lines, days) & (random.random(len(lines)) < 0.5))].reset_index(drop=True)


def repeat_days(lines: pd.DataFrame, random: np.random.Generator, days: int = 2) -> pd.DataFrame:
    """Stop the feed: the last 2 days are the day before them again, with only the dates moved on."""
    import pandas as pd

    last = lines["ts"].max().normalize()
    source = lines[lines["ts"].dt.normalize() == last - pd.Timedelta(days=days)]
    again = [source.assign(ts=source["ts"] + pd.Timedelta(days=number)) for number in range(1, days + 1)]
    return pd.concat([lines[~in_last_days(lines, days)], *again], ignore_index=True) if len(source) else lines


# Prices, quantities and discounts in another unit, currency or sign.


_ZLOTY, _TAX = 4.3, 1.2


def price_in_cents(lines: pd.DataFrame, random: np.random.Generator, days: int = 30) -> pd.DataFrame:
    """Change the unit of the export: unit_price and discount of the last 30 days are in cents, a hundredfold."""
    return _multiply_money(lines, 100.0, days)


def change_currency(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Mix in a subsidiary's currency: unit_price and discount of the last 3 days are in zloty, 4.3 times euros."""
    return _multiply_money(lines, _ZLOTY, days)


def add_tax(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Send gross for net: unit_price and discount of the last 3 days have 20 % tax on top."""
    return _multiply_money(lines, _TAX, days)


def double_discounts(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """Book a discount on the line and on the bill: in the last 7 days it is twice what it was."""
    twice = (2 * lines["discount"]).clip(upper=lines["quantity"].abs() * lines["unit_price"])
    return lines.assign(discount=lines["discount"].mask(in_last_days(lines, days), twice))


def multiply_quantities(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Ignore two implied decimals: quantities of the last 3 days are a hundredfold."""
    return lines.assign(quantity=lines["quantity"].mask(in_last_days(lines, days), 100 * lines["quantity"]))


def book_returns_as_sales(lines: pd.DataFrame, random: np.random.Generator, days: int = 28) -> pd.DataFrame:
    """Lose the sign: returns of the last 28 days are booked as sales."""
    hit = in_last_days(lines, days) & lines["is_return"]
    return lines.assign(
        quantity=lines["quantity"].mask(hit, lines["quantity"].abs()), is_return=lines["is_return"] & ~hit
    )


def flip_signs(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Turn debit into credit: sales of the last 3 days are booked as returns, and returns as sales."""
    hit = in_last_days(lines, days)
    return lines.assign(quantity=lines["quantity"].mask(hit, -lines["quantity"]), is_return=lines["is_return"] ^ hit)


def negate_prices(lines: pd.DataFrame, random: np.random.Generator, days: int = ALL) -> pd.DataFrame:
    """Book corrections as sales: 3 % of the sold lines have a unit_price below zero."""
    hit = (random.random(len(lines)) < 0.03) & ~lines["is_return"] & in_last_days(lines, days)
    return lines.assign(unit_price=lines["unit_price"].mask(hit, -lines["unit_price"]))


def add_till_tests(lines: pd.DataFrame, random: np.random.Generator, days: int = 1) -> pd.DataFrame:
    """Test a till in the live system: three lines of the last day have a unit_price of 99,999.99."""
    hit = lines.index[in_last_days(lines, days) & ~lines["is_return"]][:3]
    return lines.assign(unit_price=lines["unit_price"].mask(lines.index.isin(hit), 99_999.99))


def _multiply_money(lines: pd.DataFrame, factor: float, days: int) -> pd.DataFrame:
    factors = in_last_days(lines, days).map({True: factor, False: 1.0})
    return lines.assign(
        unit_price=(lines["unit_price"] * factors).round(2), discount=(lines["discount"] * factors).round(2)
    )


# Dates and times of day that are not those of the sale.


def move_timezone(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """Move a server to another time zone: ts of the last 7 days is 5 hours earlier."""
    import pandas as pd

    return lines.assign(ts=lines["ts"].mask(in_last_days(lines, days), lines["ts"] - pd.Timedelta(hours=5)))


def delay_dates(lines: pd.DataFrame, random: np.random.Generator, days: int = 5) -> pd.DataFrame:
    """Take the date of the export for the date of the sale: ts of the last 5 days is a day later."""
    import pandas as pd

    return lines.assign(ts=lines["ts"].mask(in_last_days(lines, days), lines["ts"] + pd.Timedelta(days=1)))


def swap_day_and_month(lines: pd.DataFrame, random: np.random.Generator, days: int = 30) -> pd.DataFrame:
    """Read American dates as European: in the last 30 days month and day change places where both can."""
    import pandas as pd

    hit = in_last_days(lines, days) & (lines["ts"].dt.day <= 12)
    swapped = pd.to_datetime(
        {"year": lines["ts"].dt.year, "month": lines["ts"].dt.day.where(hit, 1), "day": lines["ts"].dt.month}
    )
    moved = swapped + (lines["ts"] - lines["ts"].dt.normalize())
    return lines.assign(ts=lines["ts"].mask(hit, moved.astype(lines["ts"].dtype)))


def add_future_dates(lines: pd.DataFrame, random: np.random.Generator, days: int = ALL) -> pd.DataFrame:
    """Set a till's clock wrong: 2 % of the bills have a ts at least a year after the last sale."""
    import pandas as pd

    hit = in_random_bills(lines, 0.02, random) & in_last_days(lines, days)
    ahead = pd.Timedelta(days=365 + (lines["ts"].max() - lines["ts"].min()).days)
    return lines.assign(ts=lines["ts"].mask(hit, lines["ts"] + ahead))


def write_dates_as_text(lines: pd.DataFrame, random: np.random.Generator, days: int = ALL) -> pd.DataFrame:
    """Write dates as text; 4 % of the bills have one that is no date (month 13, hour 25)."""
    hit = in_random_bills(lines, 0.04, random) & in_last_days(lines, days)
    text = lines["ts"].astype("datetime64[s]").astype(str)
    return lines.assign(ts=text.mask(hit, text.str[:5] + "13" + text.str[7:11] + "25:00:00").astype(object))


# In the order of application: copies are of rows already spoilt, and text dates come when no other defect reads ts.
DEFECTS: Mapping[str, Defect] = {
    "missing_users": lose_users,
    "users_merged": merge_users,
    "users_rekeyed": rekey_users,
    "items_rekeyed": rekey_items,
    "cents": price_in_cents,
    "currency_changed": change_currency,
    "prices_with_tax": add_tax,
    "discount_doubled": double_discounts,
    "quantities_in_cents": multiply_quantities,
    "returns_as_sales": book_returns_as_sales,
    "sign_flipped": flip_signs,
    "till_tests": add_till_tests,
    "store_missing": drop_store,
    "channel_missing": drop_channel,
    "half_of_lines_lost": drop_half_of_lines,
    "day_missing": drop_day,
    "truncated_day": truncate_day,
    "stuck_feed": repeat_days,
    "timezone_moved": move_timezone,
    "dates_a_day_late": delay_dates,
    "day_and_month_swapped": swap_day_and_month,
    "future_dates": add_future_dates,
    "negative_prices": negate_prices,
    "missing_store": lose_stores,
    "ids_reused": reuse_bill_ids,
    "duplicated_day": duplicate_day,
    "duplicated_load": duplicate_load,
    "text_dates": write_dates_as_text,
}
