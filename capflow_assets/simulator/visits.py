"""When shoppers visit: a seasonal Poisson process for every user, anonymous visits, and the time of day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.shoppers import Shoppers
from capflow_assets.simulator.verticals import ONLINE_HOURS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ANONYMOUS = -1
NO_CAMPAIGN = -1


def season(retailer: Retailer) -> np.ndarray:
    """Return how busy each day is relative to the average day: yearly rhythm times weekly rhythm."""
    import numpy as np
    import pandas as pd

    days = pd.date_range(retailer.start, periods=retailer.days)
    months = np.array(retailer.rhythm.months)
    position = days.dayofyear.to_numpy() / 365.25 * 12 - 0.5
    yearly = np.interp(position, np.arange(-1, 13), np.concatenate(([months[-1]], months, [months[0]])))
    weekly = np.array(retailer.rhythm.weekdays)[days.dayofweek]
    return (yearly / months.mean()) * (weekly / weekly.mean())


def user_visits(retailer: Retailer, shoppers: Shoppers) -> pd.DataFrame:
    """Draw the visits that users make without a campaign: user (row of the shoppers), day.

    A new user's first day is a visit. Season stretches the clock: visits are uniform in cumulative season, so that they
    are dense in busy weeks.
    """
    import numpy as np
    import pandas as pd

    random = retailer.random("visits")
    clock = np.concatenate(([0.0], np.cumsum(season(retailer))))
    begin = clock[np.clip(shoppers.first_day + 1, 0, retailer.days)]
    end = clock[np.clip(shoppers.last_day, 0, retailer.days)]
    span = np.maximum(end - begin, 0)
    count = random.poisson(shoppers.rate * span)
    user = np.repeat(np.arange(retailer.users), count)
    moment = begin[user] + random.random(len(user)) * span[user]
    day = np.clip(np.searchsorted(clock, moment, side="right") - 1, 0, retailer.days - 1)
    new = np.flatnonzero(shoppers.first_day >= 0)
    return pd.DataFrame(
        {"user": np.concatenate((new, user)), "day": np.concatenate((shoppers.first_day[new], day)).astype(np.int64)}
    )


def anonymous_visits(retailer: Retailer, known: int) -> pd.DataFrame:
    """Draw visits without a card, so many that they are the vertical's share of all: user is ANONYMOUS."""
    import numpy as np
    import pandas as pd

    random = retailer.random("anonymous")
    share = retailer.rhythm.anonymous_share
    busy = season(retailer)
    day = random.choice(retailer.days, round(known * share / (1 - share)), p=busy / busy.sum())
    return pd.DataFrame({"user": np.full(len(day), ANONYMOUS), "day": day.astype(np.int64)})


def add_place_and_time(retailer: Retailer, shoppers: Shoppers, visits: pd.DataFrame) -> pd.DataFrame:
    """Add ts (local), online and store (-1 = online) to the visits, in order of time.

    Most users mostly use one shop.
    """
    import numpy as np

    random = retailer.random("places")
    count = len(visits)
    user = visits["user"].to_numpy()
    known = user != ANONYMOUS
    online = random.random(count) < np.where(known, shoppers.online[user], retailer.rhythm.online_share)
    anywhere = random.choice(shoppers.store, count)
    at_home = known & (random.random(count) < 0.85)
    store = np.where(online, -1, np.where(at_home, shoppers.store[user], anywhere))
    second = np.where(online, _seconds(ONLINE_HOURS, count, random), _seconds(retailer.rhythm.hours, count, random))
    opening = np.datetime64(retailer.start, "s") + visits["day"].to_numpy() * np.timedelta64(86400, "s")
    placed = visits.assign(ts=opening + second * np.timedelta64(1, "s"), online=online, store=store)
    return placed.sort_values(["ts", "user"], kind="stable", ignore_index=True)


def _seconds(hours: tuple[float, ...], count: int, random: np.random.Generator) -> np.ndarray:
    import numpy as np

    weights = np.array(hours, dtype=float)
    return random.choice(24, count, p=weights / weights.sum()) * 3600 + random.integers(0, 3600, count)
