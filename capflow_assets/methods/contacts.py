"""Contacts: response rates, and treatment and outcome of everybody chosen for a campaign.

A contact without a shopper or a time does not count. A null `treated` counts as sent, because a retailer without a
control group leaves it empty. A response before the contact or after the end of the data does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.features.visits import visits

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from capflow_assets.contract.snapshot import Snapshot

YEAR = timedelta(days=365)
PRIOR_CONTACTS = 10  # shrinks the rate of a shopper, an offer or a channel with few contacts towards that of all


def find_delivered(contacts: ibis.Table, end: datetime) -> ibis.Table:
    """Return every contact that reached a shopper, as known just before `end`, with `answered` (bool) added."""
    sent = _valid_contacts(contacts).filter(contacts.treated.fill_null(True))
    answered = (sent.responded_at >= sent.sent_at) & (sent.responded_at < end)
    return sent.mutate(answered=answered.fill_null(False))


def response_counts(contacts: ibis.Table, end: datetime, by: Sequence[str]) -> pd.DataFrame:
    """Count the contacts delivered and answered before `end`: columns `by`, `contacts`, `answers`, sorted.

    Rows without one of `by` (no channel, no offer) are left out.
    """
    sent = find_delivered(contacts, end)
    valid = sent.filter(*[sent[name].notnull() for name in by])
    counted = valid.group_by(*by).aggregate(contacts=valid.count(), answers=valid.answered.sum())
    return counted.order_by(*by).execute().astype({"contacts": "int64", "answers": "int64"})


def shrink_rate(answers: pd.Series, contacts: pd.Series, usual: pd.Series | float) -> pd.Series:
    """Return the response rate, shrunk towards `usual` by ten pseudo-contacts (additive smoothing)."""
    return (answers + PRIOR_CONTACTS * usual) / (contacts + PRIOR_CONTACTS)


def response_share(rates: pd.DataFrame) -> float:
    """Return the share of all these contacts that was answered; 0 without any."""
    return float(rates["answers"].sum() / max(rates["contacts"].sum(), 1))


def most_frequent_values(contacts: ibis.Table, as_of: datetime, column: str, most: int) -> list[str]:
    """Return the values of a column (offer, channel) with most contacts in the 365 days before `as_of`, by name."""
    recent = response_counts(
        contacts.filter(contacts.sent_at >= as_of - YEAR, contacts.sent_at < as_of), as_of, [column]
    )
    best = recent.sort_values(["contacts", column], ascending=[False, True]).head(most)
    return sorted(best[column].astype(str))


def buyers(snapshot: Snapshot) -> pd.Series:
    """Return every shopper with a visit before the snapshot, sorted."""
    bought = visits(snapshot.tables["bills"])
    return bought.select("user_id").distinct().order_by("user_id").execute()["user_id"]


def treatment_outcomes(contacts: ibis.Table, bills: ibis.Table, end: datetime, days: int) -> pd.DataFrame:
    """Return treatment and outcome of everybody chosen for a campaign before `end`, a row per shopper, sorted.

    Columns: `user_id`; `treated`, 1 if any of these campaigns reached the shopper, 0 if all held them back; `label`, 1
    for a visit in the `days` after the first of them, counted alike for treatment and control.
    """
    import ibis

    chosen = _valid_contacts(contacts).filter(contacts.sent_at < end)
    first = chosen.group_by("user_id").aggregate(
        first=chosen.sent_at.min(), treated=chosen.treated.fill_null(True).cast("int64").max()
    )
    bought = visits(bills).select(buyer="user_id", ts="ts")
    after = (bought.ts > first["first"]) & (bought.ts < first["first"] + ibis.interval(days=days))
    pairs = first.join(bought, (first.user_id == bought.buyer) & after)
    came = pairs.select("user_id").distinct().mutate(label=1)
    outcomes = first.left_join(came, "user_id").select("user_id", "treated", "label").order_by("user_id").execute()
    return outcomes.fillna({"label": 0}).astype({"treated": "int64", "label": "int64"})


def _valid_contacts(contacts: ibis.Table) -> ibis.Table:
    return contacts.filter(contacts.user_id.notnull(), contacts.sent_at.notnull())
