"""The daily figures: how each is computed, how large a shift of it matters, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["count", "mean", "level", "share", "hour"]
PREFIX = "daily_"


@dataclass(frozen=True)
class Figure:
    """The declaration of one figure of a day, a week or a month.

    `over` and `of` name columns of the panel. A count is their sum over the window, a mean, share or hour the sum of
    `over` by the sum of `of`, a level the median of the days' `over`. `warn` and `block` are the least shifts that
    matter, down and up: factors of counts, means and levels, points of shares (0.2 is 20 points), hours of hours; None
    never warns or blocks. A figure of a `whole_day` is not judged on a day whose data ends early.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    over: str
    of: str
    warn: tuple[float | None, float | None]
    block: tuple[float | None, float | None]
    why: str
    check: str
    windows: tuple[int, ...] = (1, 7, 28)
    whole_day: bool = False


_COLUMNS = "tables.line_items.columns"
_FILES = "Check that every file of these days was loaded once and in full (tables.line_items.source in {file}); "
_MONEY = f"Bring all amounts to one currency and unit ({_COLUMNS}.unit_price and .amount in {{file}}); "
_USER = f"Check what the source now puts in {_COLUMNS}.user_id of {{file}}; "
_STORE = f"Check what the source now puts in {_COLUMNS}.store_id and .channel of {{file}}; "
_TIME = f"Check {_COLUMNS}.ts (format, timezone) and timezone in {{file}}; "
_RETURNS = "Check tables.line_items.returns and the sign of quantity in {file}; "
_QUANTITY = f"Check {_COLUMNS}.quantity in {{file}}; "
_ITEM = f"Check what the source now puts in {_COLUMNS}.item_id of {{file}}; "
_BILL = f"Check what the source now puts in {_COLUMNS}.bill_id of {{file}}; "
_TWICE = "Remove the file that was loaded twice, or set tables.line_items.drop_duplicates: true in {file}; "

_VOLUME: tuple[tuple[float, float], tuple[float, float]] = (1.5, 1.5), (1.9, 1.9)
_ALL = (
    Figure("bills", "bills a day", "bills", "count", "bills", "bills", *_VOLUME,
           "bills were lost or came twice", _FILES, whole_day=True),
    Figure("lines", "sold lines a day", "lines", "count", "sold", "sold", *_VOLUME,
           "lines were lost or came twice", _FILES, whole_day=True),
    Figure("users", "known users a day", "users", "count", "users", "users", (1.6, 1.6), (2.5, 2.5),
           "users were lost, merged or doubled", _USER, whole_day=True),
    Figure("lines_per_bill", "sold lines a bill", "lines", "mean", "sold", "bills", (1.15, 1.15), (1.25, 1.35),
           "baskets changed their size all at once", _FILES),
    Figure("bill_amount", "median bill", "money", "level", "bill_cents", "bills", (1.3, 1.3), (2, 2),
           "bills are worth much more or less than they were", _MONEY),
    Figure("largest_bill", "largest bill of the day", "money", "level", "largest_cents", "one", (None, 8), (None, 40),
           "a bill is out of all proportion, as test bills are", "Take test bills out at the source; ", (1,)),
    Figure("price_level", "median price, each item against its own usual one", "of usual", "level", "price_ratio",
           "priced", (1.05, 1.05), (1.4, 1.15), "prices changed all at once, as with another currency, cents or tax",
           _MONEY),
    Figure("quantity", "median quantity of a sold line", "pieces", "level", "quantity", "sold", (1.9, 1.9), (3, 3),
           "quantities changed all at once, as when their unit changed", _QUANTITY),
    Figure("discount_share", "discount, as a share of the price before it", "share", "share", "discount_cents",
           "gross_cents", (None, 0.02), (None, 0.15), "much more discount was given than before",
           f"Check {_COLUMNS}.discount in {{file}}; "),
    Figure("largest_discount", "largest discount of a line, of its price", "share", "level", "largest_discount",
           "discounted", (None, 1.4), (None, 1.8), "discounts changed all at once, as when they are booked twice",
           f"Check {_COLUMNS}.discount in {{file}}; "),
    Figure("free_share", "sold lines without a price above zero", "share", "share", "free", "sold", (None, 0.05),
           (None, 0.2), "lines lost their price", _MONEY),
    Figure("anonymous_share", "bills without a user", "share", "share", "anonymous", "bills", (0.1, 0.08), (None, 0.2),
           "bills lost their users", _USER),
    Figure("new_user_share", "users never seen before", "share", "share", "new_users", "users", (None, 0.15),
           (None, 0.35), "too many users are new, as when user ids changed", _USER),
    Figure("top_user_share", "bills of the one user with most, of those of known users", "share", "share", "top_user",
           "known_bills", (None, 0.1), (None, 0.3), "one user has too many bills, as when users were merged", _USER),
    Figure("return_share", "lines that are returns", "share", "share", "returned", "lines", (0.003, 0.08), (None, 0.2),
           "returns are counted otherwise than before", _RETURNS),
    Figure("duplicate_share", "exact copies of another line", "share", "share", "copies", "lines", (None, 0.01),
           (None, 0.05), "lines came more than once", _TWICE),
    Figure("reused_bill_share", "bills whose number stood on an earlier day's bill", "share", "share", "reused",
           "bills", (None, 0.03), (None, 0.1), "numbers of bills were used again, or a day was delivered again", _BILL),
    Figure("new_item_share", "sold lines of items never sold before", "share", "share", "new_item_lines", "sold",
           (None, 0.15), (None, 0.4), "too many items are new, as when item ids changed", _ITEM),
    Figure("no_store_share", "sold lines without a store", "share", "share", "no_store", "sold", (None, 0.08),
           (None, 0.3), "lines lost their store", _STORE),
    Figure("no_channel_share", "sold lines without a channel", "share", "share", "no_channel", "sold", (None, 0.08),
           (None, 0.3), "lines lost their channel", _STORE),
    Figure("mean_hour", "mean hour of the bills", "o'clock", "hour", "clock", "bills", (0.75, 0.75), (1.5, 1.5),
           "the times of day moved, as with another time zone", _TIME, whole_day=True),
    Figure("first_hour", "hour of the first bill", "o'clock", "hour", "first_clock", "one", (2, None), (None, None),
           "the day begins earlier than usual", _TIME, (1,)),
    Figure("last_hour", "hour of the last bill", "o'clock", "hour", "last_clock", "one", (2, None), (None, None),
           "the data of the day ends early, so its totals are not judged",
           "Load the rest of the day, or ignore this where the day is not over; ", (1,)),
)  # fmt: skip
FIGURES: Mapping[str, Figure] = {PREFIX + figure.name: figure for figure in _ALL}
"""Every figure by its name in reports and customer files."""

_GONE = "Check that every file of these days was loaded (tables.line_items.source in {file}); "
MISSING: Mapping[str, Figure] = {
    PREFIX + figure.name: figure
    for figure in (
        Figure("missing_stores", "usual bills of the stores that have none", "share", "share", "store_id", "",
               (None, 0), (None, 0.05), "stores that always have bills have none", _GONE, (1, 7), True),
        Figure("missing_channels", "usual bills of the channels that have none", "share", "share", "channel", "",
               (None, 0), (None, 0.05), "channels that always have bills have none", _GONE, (1, 7), True),
        Figure("missing_days", "days of the last week without a bill that usually have some", "days", "count", "", "",
               (None, 0), (None, None), "whole days are missing", _GONE, (7,)),
    )
}  # fmt: skip
"""Figures of what is missing; their `warn` and `block` are the most that may be missing."""
EVERY: Mapping[str, Figure] = {**FIGURES, **MISSING}
"""Every daily figure."""
