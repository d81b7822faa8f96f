"""Campaigns of the small world: some shoppers answer often, some never, and each prefers one channel and one offer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

EVERY_DAYS, FIRST_DAY = 10, 20
CHOSEN, TREATED, WILLING = 0.6, 0.6, 0.4
GONE_DAYS, GONE = 60, 0.5  # how much of their will to answer is left to those who have not come for so long
CHANNELS = ("email", "sms", "mail")
OFFERS = ("10 % off", "free delivery")


def contacts(bills: pd.DataFrame, start: datetime, days: int, seed: int) -> pd.DataFrame:
    """A campaign every ten days to shoppers seen by then, drawn by lot; two fifths of those chosen are held back.

    Some shoppers answer often, the more so by the channel and with the offer that they like; those who have not come
    for two months, nor will come again, do half as often.
    """
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(seed + 1)
    visits = bills.groupby("user_id")["ts"]
    first, last = visits.min().sort_index(), visits.max().sort_index()
    willing = np.where(chance.random(len(first)) < WILLING, 0.95, 0.02)
    likes, wants = chance.integers(0, len(CHANNELS), len(first)), chance.integers(0, len(OFFERS), len(first))
    parts = []
    for number, day in enumerate(range(FIRST_DAY, days, EVERY_DAYS)):
        sent = start + timedelta(days=day, hours=9)
        chosen = np.flatnonzero((first < sent).to_numpy() & (chance.random(len(first)) < CHOSEN))
        way, offer = number % len(CHANNELS), (number // len(CHANNELS)) % len(OFFERS)
        pull = willing[chosen] * np.where(likes[chosen] == way, 1.0, 0.5) * np.where(wants[chosen] == offer, 1.0, 0.7)
        pull *= np.where((last < sent - timedelta(days=GONE_DAYS)).to_numpy()[chosen], GONE, 1.0)
        treated = chance.random(len(chosen)) < TREATED
        answers = treated & (chance.random(len(chosen)) < pull)
        delay = pd.to_timedelta(chance.integers(1, 72, len(chosen)), unit="h")
        parts.append(
            pd.DataFrame(
                {
                    "user_id": first.index[chosen],
                    "campaign_id": f"c{number:03d}",
                    "channel": CHANNELS[way],
                    "offer": OFFERS[offer],
                    "sent_at": sent,
                    "responded_at": pd.Series(sent + delay).where(answers),
                    "treated": treated,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).astype({"user_id": "str"})


def contact_features(told: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """How many campaigns reached each shopper before `as_of` and which share was answered by then, by user_id.

    The share of all of them is smoothed, as in the feature set, but by a rate that needs nobody else's answers.
    """
    import pandas as pd

    sent = told[(told["sent_at"] < as_of) & told["treated"].astype(bool)]
    answered = sent["responded_at"] < as_of
    by_user = answered.groupby(sent["user_id"])
    found = {"contacts": by_user.size(), "response_rate": (by_user.sum() + 1) / (by_user.size() + 10)}
    for way in CHANNELS:
        one = answered[sent["channel"] == way]
        found[f"{way}_response_rate"] = one.groupby(sent["user_id"]).mean()
    return pd.DataFrame(found)
