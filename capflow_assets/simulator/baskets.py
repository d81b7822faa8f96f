"""What is in each basket, what it cost, and what was returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.catalogue import Catalogue
from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.shoppers import Shoppers, user_ids
from capflow_assets.simulator.visits import ANONYMOUS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_OFF_STYLE, _WITH_COMPANION, _MOST_LINES = 0.15, 0.3, 12
_PRICE_RISE = 1.03


def fill_baskets(retailer: Retailer, shoppers: Shoppers, catalogue: Catalogue, visits: pd.DataFrame) -> pd.DataFrame:
    """Draw the items of each visit: visit (row of `visits`), item (row of the catalogue), quantity; a row per item.

    A visit has a style, drawn from the user's taste, and most of its items are of that style; some are the companion
    of its first item, some a habit of the user, some on offer that week. No item is twice in a basket.
    """
    import numpy as np
    import pandas as pd

    random, habits = retailer.random("baskets"), retailer.rhythm
    user = visits["user"].to_numpy()
    taste = np.vstack((shoppers.taste, shoppers.taste.mean(axis=0)))  # the last row (-1) is the anonymous shopper
    style = choose(taste, np.where(user == ANONYMOUS, len(shoppers.taste), user), random)
    lines = np.minimum(1 + random.poisson(habits.basket_lines - 1, len(visits)), _MOST_LINES)
    visit = np.repeat(np.arange(len(visits)), lines)
    first = np.repeat(np.cumsum(lines) - lines, lines)
    count = len(visit)

    item = choose(catalogue.style_weights, style[visit], random)
    off_style = random.random(count) < _OFF_STYLE
    item[off_style] = choose(catalogue.popularity[None, :], np.zeros(off_style.sum(), dtype=np.int64), random)
    bargain = np.append(shoppers.bargain, shoppers.bargain.mean())[user[visit]]
    hunts = random.random(count) < bargain
    week = visits["day"].to_numpy()[visit][hunts] // 7
    item[hunts] = choose(catalogue.popularity * (catalogue.promotions > 0), week, random)
    habit = (user[visit] != ANONYMOUS) & (random.random(count) < habits.habit_share)
    item[habit] = _habits(shoppers, catalogue, random)[user[visit][habit], random.integers(0, 3, habit.sum())]
    goes_along = (np.arange(count) > first) & (random.random(count) < _WITH_COMPANION)
    item[goes_along] = catalogue.companion[item[first]][goes_along]

    quantity = 1 + random.poisson(habits.extra_quantity, count)
    filled = pd.DataFrame({"visit": visit, "item": item, "quantity": quantity})
    return filled.drop_duplicates(["visit", "item"], ignore_index=True)


def price_lines(
    retailer: Retailer, catalogue: Catalogue, visits: pd.DataFrame, offers: np.ndarray, lines: pd.DataFrame
) -> pd.DataFrame:
    """Add unit_price and discount (the week's promotion or the campaign's offer, whichever is more) to the lines.

    Prices rose by 3 % at the start of the last calendar year; the catalogue has today's.
    """
    import numpy as np

    visit, item = lines["visit"].to_numpy(), lines["item"].to_numpy()
    today = catalogue.items["price"].to_numpy()[item]
    rise = np.datetime64(f"{retailer.last_day.year}-01-01")
    unit_price = np.where(visits["ts"].to_numpy()[visit] < rise, np.round(today / _PRICE_RISE, 2), today)
    rate = np.maximum(catalogue.promotions[visits["day"].to_numpy()[visit] // 7, item], offers[visit])
    return lines.assign(unit_price=unit_price, discount=np.round(unit_price * lines["quantity"] * rate, 2))


def line_items_table(
    retailer: Retailer, catalogue: Catalogue, visits: pd.DataFrame, lines: pd.DataFrame
) -> pd.DataFrame:
    """Return the retailer's line items in order of time: sales, and the returns of some of them."""
    import numpy as np
    import pandas as pd

    visit = lines["visit"].to_numpy()
    user = _ids_of_users(visits["user"].to_numpy())
    bills = np.array([f"B{number:07d}" for number in range(1, len(visits) + 1)], dtype=object)
    stores = np.array([*(f"S{number:02d}" for number in range(1, retailer.rhythm.stores + 1)), "WEB"], dtype=object)
    sales = pd.DataFrame(
        {
            "bill_id": bills[visit],
            "user_id": user[visit],
            "item_id": catalogue.items["item_id"].to_numpy()[lines["item"]],
            "ts": visits["ts"].to_numpy()[visit].astype("datetime64[us]"),
            "quantity": lines["quantity"].to_numpy(dtype=float),
            "unit_price": lines["unit_price"].to_numpy(),
            "discount": lines["discount"].to_numpy(),
            "store_id": stores[visits["store"].to_numpy()[visit]],
            "channel": np.where(visits["online"].to_numpy()[visit], "online", "store"),
            "is_return": False,
        }
    )
    returned = _returns(retailer, sales)
    both = pd.concat([sales, returned], ignore_index=True) if len(returned) else sales
    return both.sort_values(["ts", "bill_id", "item_id"], kind="stable", ignore_index=True)


def _returns(retailer: Retailer, sales: pd.DataFrame) -> pd.DataFrame:
    """Return lines that came back 3 to 30 days later, all of a bill together, at the price paid; online more often."""
    import numpy as np
    import pandas as pd

    random = retailer.random("returns")
    chance = retailer.rhythm.return_share * np.where(sales["channel"] == "online", 1.4, 0.8)
    back = sales[random.random(len(sales)) < chance]
    bill = pd.factorize(back["bill_id"])[0]
    later = random.integers(3 * 1440, 30 * 1440, bill.max(initial=-1) + 1)[bill]
    day = (back["ts"] + pd.to_timedelta(later, unit="min")).dt.normalize()
    minute = random.integers(10 * 60, 18 * 60, bill.max(initial=-1) + 1)[bill]
    paid = (back["quantity"] * back["unit_price"] - back["discount"]) / back["quantity"]
    returned = back.assign(
        bill_id="R" + back["bill_id"].astype(str),
        ts=day + pd.to_timedelta(minute, unit="min"),
        quantity=-back["quantity"],
        unit_price=np.round(paid, 2),
        discount=0.0,
        is_return=True,
    )
    return returned[returned["ts"] < pd.Timestamp(retailer.end)]


def _habits(shoppers: Shoppers, catalogue: Catalogue, random: np.random.Generator) -> np.ndarray:
    """Draw three items that each user comes back for: users x 3."""
    import numpy as np

    users = np.repeat(np.arange(len(shoppers.taste)), 3)
    styles = choose(shoppers.taste, users, random)
    return choose(catalogue.style_weights, styles, random).reshape(-1, 3)


def _ids_of_users(users: np.ndarray) -> np.ndarray:
    import numpy as np

    ids = np.array([*user_ids(users.max(initial=ANONYMOUS) + 1), None], dtype=object)
    return ids[users]


def choose(weights: np.ndarray, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw one column for each entry of `rows`, by that row of `weights` (rows x columns, >= 0).

    The rows' cumulative shares are laid end to end, so that one sorted search serves every draw.
    Raises ValueError for a row whose weights are all zero.
    """
    import numpy as np

    totals = weights.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        raise ValueError(f"no choice in row {int(np.argmin(totals))}: all its weights are zero.")
    shares = np.cumsum(weights, axis=1) / totals
    shares[:, -1] = 1.0
    ends = shares + np.arange(len(weights))[:, None]
    found = np.searchsorted(ends.ravel(), rows + random.random(len(rows)), side="right")
    columns = weights.shape[1]
    return np.clip(found - rows * columns, 0, columns - 1)
