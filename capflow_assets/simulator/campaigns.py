"""Campaigns: who was chosen, which of them were contacted (at random), and the visits that this caused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.simulator.retailer import Retailer
from capflow_assets.simulator.shoppers import Shoppers, user_ids
from capflow_assets.simulator.visits import NO_CAMPAIGN

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIRST_DAY, EVERY_DAYS, EFFECT_DAYS = 60, 45, 13
_CHOSEN, _TREATED, _USES_OFFER = 0.5, 0.6, 0.25
_CHANNELS = ("email", "sms", "push")


@dataclass(frozen=True)
class Plan:
    """The retailer's campaigns: `day` of each; users x campaigns: `chosen`, and `treated`, a random part of those."""

    day: np.ndarray
    chosen: np.ndarray
    treated: np.ndarray
    offer: np.ndarray


def plan_campaigns(retailer: Retailer, shoppers: Shoppers) -> Plan:
    """Plan a campaign every 45 days to half of the users known by then, lapsed ones too: a retailer cannot tell."""
    import numpy as np

    random = retailer.random("campaigns")
    day = np.arange(FIRST_DAY, retailer.days, EVERY_DAYS)
    size = (retailer.users, len(day))
    chosen = (shoppers.first_day[:, None] < day) & (random.random(size) < _CHOSEN)
    treated = chosen & (random.random(size) < _TREATED)
    return Plan(day, chosen, treated, np.arange(len(day)) % len(retailer.rhythm.offers))


def apply_campaigns(retailer: Retailer, shoppers: Shoppers, plan: Plan, visits: pd.DataFrame) -> pd.DataFrame:
    """Return the visits as the campaigns changed them, with `campaign`: whose offer was used, or NO_CAMPAIGN.

    Within 13 days after a contact a user makes a Poisson number of additional visits, with mean `uplift`, unless
    lapsed; users who are put off stay away instead. The control group changes nothing.
    """
    import numpy as np
    import pandas as pd

    random = retailer.random("campaign effect")
    if not len(plan.day):
        return visits.assign(campaign=NO_CAMPAIGN)
    user, day = visits["user"].to_numpy(), visits["day"].to_numpy()
    latest = np.searchsorted(plan.day, day) - 1  # the last campaign before that day; -1 where there is none
    touched = (latest >= 0) & (day - plan.day[latest] <= EFFECT_DAYS) & plan.treated[user, latest]
    kept = ~(touched & (random.random(len(visits)) < shoppers.put_off[user]))
    uses = touched & (random.random(len(visits)) < _USES_OFFER)
    own = visits.assign(campaign=np.where(uses, latest, NO_CAMPAIGN))[kept]
    return pd.concat([own, _additional_visits(retailer, shoppers, plan, random)], ignore_index=True)


def contacts_table(retailer: Retailer, plan: Plan, visits: pd.DataFrame) -> pd.DataFrame:
    """Return who was chosen, as the retailer records it; responded_at is the first visit that used the offer."""
    import numpy as np
    import pandas as pd

    offers = np.array([text for text, _ in retailer.rhythm.offers])
    user, campaign = np.nonzero(plan.chosen)
    sent = np.datetime64(retailer.start, "s") + (plan.day * 86400 + 9 * 3600).astype("timedelta64[s]")
    contacts = pd.DataFrame(
        {
            "user": user,
            "campaign": campaign,
            "user_id": np.array(user_ids(retailer.users))[user],
            "campaign_id": np.array([f"C{number:03d}" for number in range(1, len(plan.day) + 1)], dtype=str)[campaign],
            "channel": np.array(_CHANNELS)[campaign % len(_CHANNELS)],
            "offer": offers[plan.offer][campaign],
            "sent_at": sent[campaign].astype("datetime64[us]"),
        }
    )
    used = visits[visits["campaign"] != NO_CAMPAIGN].groupby(["user", "campaign"])["ts"].min().rename("responded_at")
    contacts = contacts.merge(used.reset_index(), how="left", on=["user", "campaign"])
    contacts["responded_at"] = contacts["responded_at"].astype("datetime64[us]")
    contacts["treated"] = plan.treated[contacts["user"], contacts["campaign"]]
    ordered = contacts.sort_values(["sent_at", "user_id"], kind="stable", ignore_index=True)
    return ordered.drop(columns=["user", "campaign"])


def offer_rates(retailer: Retailer, plan: Plan, visits: pd.DataFrame) -> np.ndarray:
    """Return the discount rate that each visit has from a campaign; 0 without one."""
    import numpy as np

    rates = np.array([rate for _, rate in retailer.rhythm.offers])[plan.offer]
    return np.append(rates, 0.0)[visits["campaign"].to_numpy()]


def _additional_visits(retailer: Retailer, shoppers: Shoppers, plan: Plan, random: np.random.Generator) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    extra = random.poisson(np.maximum(shoppers.uplift, 0)[:, None] * plan.treated)
    user, campaign = np.nonzero(extra)
    times = extra[user, campaign]
    user, campaign = np.repeat(user, times), np.repeat(campaign, times)
    day = plan.day[campaign] + random.integers(1, EFFECT_DAYS + 1, len(user))
    caused = pd.DataFrame({"user": user, "day": day, "campaign": campaign})
    return caused[(day < shoppers.last_day[user]) & (day < retailer.days)]
