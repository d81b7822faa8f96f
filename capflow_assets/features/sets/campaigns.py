"""Feature set "campaigns": what each shopper was sent, through which channel, and how they responded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.columns import count, is_spelled_as, join_each, number, select_features, share
from capflow_assets.features.visits import day_number, day_number_of

if TYPE_CHECKING:
    import ibis

WINDOW_DAYS = (30, 90, 365)
PRIOR_CONTACTS = 10  # shrinks the response rate of a shopper with few contacts towards everybody's
WAYS = {
    "email": ("email", "e-mail", "newsletter"),
    "text": ("sms", "text", "text message", "mms", "whatsapp"),
    "push": ("push", "push notification", "app"),
    "post": ("post", "mail", "letter", "direct mail", "postcard", "catalogue", "catalog"),
    "phone": ("phone", "call", "telephone", "call centre", "call center"),
}


def campaigns(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute the campaign history of every shopper who was chosen for at least one campaign before `as_of`.

    One row per shopper; columns as in `CAMPAIGNS.features`. A contact of the control group was held back: it counts
    for `held_back_share` only. A null `treated` counts as sent. A response at `as_of` or later is not known, so the
    newest contacts had little time to get one.
    """
    import ibis

    chosen = tables["contacts"].filter(tables["contacts"].user_id.notnull())
    chosen = chosen.mutate(sent=chosen.treated.fill_null(True))
    contacts = chosen.mutate(answered=chosen.sent & chosen.responded_at.notnull())
    everyone = contacts.aggregate(
        all_sent=contacts.count(where=contacts.sent), all_answered=contacts.count(where=contacts.answered)
    )
    shoppers = join_each(_by_shopper(contacts, as_of), [_offers(contacts)])
    return _select(ibis.cross_join(shoppers, everyone), day_number_of(as_of))


def _by_shopper(contacts: ibis.Table, as_of: datetime) -> ibis.Table:
    sent, answered = contacts.sent, contacts.answered
    windows = {}
    for days in WINDOW_DAYS:
        start = as_of - timedelta(days=days)
        windows[f"contacts_{days}d"] = contacts.count(where=sent & (contacts.sent_at >= start))
        windows[f"responses_{days}d"] = contacts.count(where=answered & (contacts.responded_at >= start))
    for way, spellings in WAYS.items():
        by_way = is_spelled_as(contacts.channel, spellings)
        windows[f"{way}_contacts"] = contacts.count(where=sent & by_way)
        windows[f"{way}_responses"] = contacts.count(where=answered & by_way)
    days_taken = day_number(contacts.responded_at) - day_number(contacts.sent_at)
    return contacts.group_by("user_id").aggregate(
        chosen=contacts.count(),
        contacts=contacts.count(where=sent),
        responses=contacts.count(where=answered),
        last_sent_day=day_number(contacts.sent_at).max(where=sent),
        last_answer_day=day_number(contacts.responded_at).max(where=answered),
        days_taken=days_taken.sum(where=answered),
        **windows,
    )


def _offers(contacts: ibis.Table) -> ibis.Table:
    sent = contacts.filter(contacts.sent, contacts.offer.notnull())
    offers = sent.select("user_id", "offer").distinct()
    return offers.group_by("user_id").aggregate(offers_seen=offers.count())


def _select(t: ibis.Table, today: int) -> ibis.Table:
    usual = share(t.all_answered, t.all_sent)
    computed = {
        "held_back_share": (t.chosen - t.contacts) / t.chosen,
        "response_rate": (t.responses + usual * PRIOR_CONTACTS) / (t.contacts + PRIOR_CONTACTS),
        "days_since_contact": today - t.last_sent_day,
        "days_since_response": today - t.last_answer_day,
        "days_to_respond": share(t.days_taken, t.responses),
        "offers_seen": t.offers_seen.fill_null(0),
        **{f"{way}_response_rate": share(t[f"{way}_responses"], t[f"{way}_contacts"]) for way in WAYS},
    }
    return select_features(t, ("user_id",), FEATURES, computed)


FEATURES = (
    count("contacts", "Campaigns sent to the shopper so far.", "sent {value:.0f} campaigns so far"),
    *(
        count(f"contacts_{d}d", f"Campaigns sent in the last {d} days.", f"sent {{value:.0f}} in the last {d} days")
        for d in WINDOW_DAYS
    ),
    count("responses", "Campaigns answered so far.", "answered {value:.0f} campaigns so far"),
    *(
        count(f"responses_{d}d", f"Answers in the last {d} days.", f"answered {{value:.0f}} in the last {d} days")
        for d in WINDOW_DAYS
    ),
    number(
        "response_rate",
        "Share of campaigns answered, as if ten more had been answered as all shoppers answer (additive smoothing).",
        "answers {value:.0%} of campaigns",
    ),
    count("days_since_contact", "Days since the last campaign was sent.", "last contacted {value:.0f} days ago"),
    count("days_since_response", "Days since the last answer.", "last answered {value:.0f} days ago"),
    number("days_to_respond", "Average days from a campaign to its answer.", "answers after {value:.1f} days"),
    number(
        "held_back_share",
        "Share of the campaigns that the shopper was chosen for and kept out of, as control group.",
        "kept out of {value:.0%} of campaigns",
    ),
    count("offers_seen", "Different offers sent to the shopper.", "was offered {value:.0f} different things"),
    *(
        feature
        for way in WAYS
        for feature in (
            count(f"{way}_contacts", f"Campaigns sent by {way}.", f"sent {{value:.0f}} campaigns by {way}"),
            number(
                f"{way}_response_rate",
                f"Share of campaigns by {way} that were answered; null without any.",
                f"answers {{value:.0%}} of campaigns by {way}",
            ),
        )
    ),
)

CAMPAIGNS = FeatureSet(
    name="campaigns",
    description="What each shopper was sent, through which channel, and how they answered.",
    tables=("contacts",),
    features=FEATURES,
    build=campaigns,
    sporadic=True,
)
