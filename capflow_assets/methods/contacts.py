"""Contacts: whom campaigns reached, who answered, and who bought after being chosen for one.

A contact without a shopper or a time does not count. A contact that does not say `treated` was sent: a retailer without
a control group has nothing to say there. An answer before it was sent, or after the end of what is known, is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.features.visits import is_return

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from capflow_assets.contract.snapshot import Snapshot

YEAR = timedelta(days=365)
PRIOR_CONTACTS = 10  # a shopper, an offer or a channel with few contacts is thought to be as all are


def delivered_contacts(contacts: ibis.Table, end: datetime) -> ibis.Table:
    """Every contact that reached a shopper, as known just before `end`: its columns, and whether it was `answered`."""
    sent = _counted(contacts).filter(contacts.treated.fill_null(True))
    answered = (sent.responded_at >= sent.sent_at) & (sent.responded_at < end)
    return sent.mutate(answered=answered.fill_null(False))


def response_counts(contacts: ibis.Table, end: datetime, by: Sequence[str]) -> pd.DataFrame:
    """How many contacts reached, and how many of them were answered before `end`: `by`, `contacts`, `answers`, sorted.

    Rows without one of `by` (no channel told, no offer) are left out.
    """
    sent = delivered_contacts(contacts, end)
    known = sent.filter(*[sent[name].notnull() for name in by])
    counted = known.group_by(*by).aggregate(contacts=known.count(), answers=known.answered.sum())
    return counted.order_by(*by).execute().astype({"contacts": "int64", "answers": "int64"})


def shrink_rate(answers: pd.Series, contacts: pd.Series, usual: pd.Series | float) -> pd.Series:
    """The share of contacts answered, as if ten more had been answered as is usual (additive smoothing)."""
    return (answers + PRIOR_CONTACTS * usual) / (contacts + PRIOR_CONTACTS)


def response_share(rates: pd.DataFrame) -> float:
    """The share of all these contacts that was answered; 0 without any."""
    return float(rates["answers"].sum() / max(rates["contacts"].sum(), 1))


def most_frequent_values(contacts: ibis.Table, as_of: datetime, column: str, most: int) -> list[str]:
    """The values of a column (offer, channel) that most contacts of the last 365 days before `as_of` had, by name."""
    recent = response_counts(
        contacts.filter(contacts.sent_at >= as_of - YEAR, contacts.sent_at < as_of), as_of, [column]
    )
    best = recent.sort_values(["contacts", column], ascending=[False, True]).head(most)
    return sorted(best[column].astype(str))


def buyers(snapshot: Snapshot) -> pd.Series:
    """Every shopper who bought something before the snapshot, sorted."""
    bought = _purchases(snapshot.tables["bills"])
    return bought.select("user_id").distinct().order_by("user_id").execute()["user_id"]


def treatment_outcomes(contacts: ibis.Table, bills: ibis.Table, end: datetime, days: int) -> pd.DataFrame:
    """Who was chosen by a campaign up to `end`, and who bought within so many days after: a row a shopper, sorted.

    Columns: `user_id`; `treated`, 1 for whom any of these campaigns reached and 0 for whom all held back; `label`, 1
    for a purchase in the `days` after the first of them, counted alike for those reached and those held back.
    """
    import ibis

    chosen = _counted(contacts).filter(contacts.sent_at < end)
    first = chosen.group_by("user_id").aggregate(
        first=chosen.sent_at.min(), treated=chosen.treated.fill_null(True).cast("int64").max()
    )
    bought = _purchases(bills).select(buyer="user_id", ts="ts")
    after = (bought.ts > first["first"]) & (bought.ts < first["first"] + ibis.interval(days=days))
    pairs = first.join(bought, (first.user_id == bought.buyer) & after)
    came = pairs.select("user_id").distinct().mutate(label=1)
    told = first.left_join(came, "user_id").select("user_id", "treated", "label").order_by("user_id").execute()
    return told.fillna({"label": 0}).astype({"treated": "int64", "label": "int64"})


def _counted(contacts: ibis.Table) -> ibis.Table:
    return contacts.filter(contacts.user_id.notnull(), contacts.sent_at.notnull())


def _purchases(bills: ibis.Table) -> ibis.Table:
    return bills.filter(bills.user_id.notnull(), bills.ts.notnull(), bills.amount >= 0, ~is_return(bills))
