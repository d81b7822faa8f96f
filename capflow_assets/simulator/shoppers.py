"""The known shoppers of a simulated retailer: arrival, purchase rate, lapse, and taste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.vocabulary import CITIES, VOCABULARIES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ALREADY_KNOWN = 0.3
_AGE_BANDS = ("18-24", "25-34", "35-49", "50-64", "65+")
_AGE_SHARES = (0.14, 0.26, 0.3, 0.2, 0.1)
_AGE_RESPONSE = (1.7, 1.4, 1.0, 0.6, 0.2)
_PUT_OFF = 0.3


@dataclass(frozen=True)
class Shoppers:
    """Arrays with one entry a user. Days count from the retailer's first day; users known before have negative ones.

    `uplift` is visits that a contact adds in the following 13 days; where it is negative a contact puts the user off,
    and `put_off` is the chance that it costs each visit.
    """

    first_day: np.ndarray
    rate: np.ndarray
    last_day: np.ndarray
    uplift: np.ndarray
    put_off: np.ndarray
    taste: np.ndarray
    bargain: np.ndarray
    online: np.ndarray
    store: np.ndarray
    age: np.ndarray


def make_shoppers(retailer: Retailer) -> Shoppers:
    """Draw users with heterogeneous rates and lifetimes (Pareto/NBD: Schmittlein, Morrison and Colombo 1987).

    Visits come at a gamma-distributed rate until an exponential lifetime with a gamma-distributed hazard ends.
    """
    import numpy as np

    random, habits, count = retailer.random("shoppers"), retailer.rhythm, retailer.users
    known = random.random(count) < _ALREADY_KNOWN
    first_day = np.where(known, -random.integers(1, 700, count), random.integers(0, retailer.days, count))
    rate = random.gamma(1.3, 1 / (1.3 * habits.gap_days), count)
    hazard = random.gamma(1.5, 1 / (1.5 * habits.lifetime_days), count)
    last_day = np.maximum(first_day, 0) + 1 + np.ceil(random.exponential(1, count) / np.maximum(hazard, 1e-9))
    age = random.choice(len(_AGE_BANDS), count, p=_AGE_SHARES)
    put_off = np.where((age == 4) & (random.random(count) < 0.5), _PUT_OFF, 0.0)
    return Shoppers(
        first_day=first_day,
        rate=rate,
        last_day=np.minimum(last_day, 10**6).astype(np.int64),
        uplift=_uplift(rate * habits.gap_days, age, put_off, habits.uplift_visits, habits.gap_days, random),
        put_off=put_off,
        taste=random.dirichlet(np.full(len(VOCABULARIES[retailer.vertical].styles), 0.25), count) + 1e-6,
        bargain=random.beta(1, 4, count),
        online=random.beta(2 * habits.online_share, 2 * (1 - habits.online_share), count),
        store=random.choice(habits.stores, count, p=_store_shares(habits.stores)),
        age=age,
    )


def users_table(retailer: Retailer, shoppers: Shoppers) -> pd.DataFrame:
    """Return what the retailer knows about its users: user_id, first_seen (a day), city, age_band (null for some)."""
    import numpy as np
    import pandas as pd

    random = retailer.random("users")
    bands = np.array(_AGE_BANDS, dtype=object)[shoppers.age]
    bands[random.random(retailer.users) < 0.05] = None
    first_seen = np.datetime64(retailer.start, "D") + shoppers.first_day
    return pd.DataFrame(
        {
            "user_id": user_ids(retailer.users),
            "first_seen": first_seen.astype("datetime64[us]"),
            "city": np.array(CITIES)[shoppers.store % len(CITIES)],
            "age_band": bands,
        }
    )


def truth_table(retailer: Retailer, shoppers: Shoppers) -> pd.DataFrame:
    """Return what really drives each user, for tests: user_id, rate_per_day, dropout, uplift, favourite_style."""
    import numpy as np
    import pandas as pd

    dropout = np.datetime64(retailer.start, "D") + shoppers.last_day
    styles = np.array(list(VOCABULARIES[retailer.vertical].styles))
    return pd.DataFrame(
        {
            "user_id": user_ids(retailer.users),
            "rate_per_day": shoppers.rate,
            "dropout": pd.Series(dropout.astype("datetime64[s]")).where(shoppers.last_day < retailer.days),
            "uplift": shoppers.uplift,
            "favourite_style": styles[shoppers.taste.argmax(axis=1)],
        }
    )


def user_ids(count: int) -> list[str]:
    """Return U00001, U00002, ...: the ids of the known users, in the order of the arrays."""
    return [f"U{number:05d}" for number in range(1, count + 1)]


def _uplift(
    pace: np.ndarray, age: np.ndarray, put_off: np.ndarray, mean: float, gap: float, random: np.random.Generator
) -> np.ndarray:
    """Return each user's uplift in visits: higher for younger and rarer shoppers, below 0 if put off by a contact."""
    import numpy as np

    warmth = random.lognormal(-0.08, 0.4, len(pace)) * np.array(_AGE_RESPONSE)[age] * 2 / (1 + pace)
    return np.where(put_off > 0, -put_off * 13 * pace / gap, mean * warmth / warmth.mean())


def _store_shares(stores: int) -> np.ndarray:
    import numpy as np

    weights = 1 / np.arange(1, stores + 1) ** 0.6
    return weights / weights.sum()
