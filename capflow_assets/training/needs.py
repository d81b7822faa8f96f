"""Needs: why a model is not available for a customer, in words, before any work is done for it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from capflow_assets.models.base import Model
from capflow_assets.training.split import least_history_days


@dataclass(frozen=True)
class Facts:
    """What is known of a customer's data when a model asks for it.

    `users` are identified shoppers with a purchase, `history_days` runs from the first sale to the as-of date;
    `positives` and `negatives` count the training outcome of a binary model, None before it is known.
    """

    tables: AbstractSet[str]
    users: int
    bills: int
    history_days: int
    has_times: bool = True
    positives: int | None = None
    negatives: int | None = None


def unmet(model: Model, facts: Facts) -> str | None:
    """Why `model` cannot be had from such data, as one sentence; None when it can."""
    missing = [table for table in model.tables if table not in facts.tables]
    if missing:
        return (
            f"needs the table{'s' if len(missing) > 1 else ''} {', '.join(missing)}, which this customer does not have"
        )
    if not facts.has_times:
        return "needs the time of each sale, and this customer's sales have none"
    return _too_little(model, facts) or _one_sided(model, facts)


def _too_little(model: Model, facts: Facts) -> str | None:
    needs = model.needs
    days = max(needs.history_days, least_history_days(model.horizon_days))
    for have, want, what in (
        (facts.users, needs.users, "identified shoppers"),
        (facts.bills, needs.bills, "bills"),
        (facts.history_days, days, "days of history"),
    ):
        if have < want:
            return f"needs at least {want:,} {what}; this customer has {have:,}"
    return None


def _one_sided(model: Model, facts: Facts) -> str | None:
    if model.task != "binary" or facts.positives is None or facts.negatives is None:
        return None
    least = max(model.needs.positives, 1)
    everyone = facts.positives + facts.negatives
    counts = f"of {everyone:,} past shoppers, {facts.positives:,} did and {facts.negatives:,} did not"
    if min(facts.positives, facts.negatives) == 0:
        return f"past shoppers all went the same way ({counts}), so there is nothing to tell apart"
    if min(facts.positives, facts.negatives) < least:
        return f"needs at least {least:,} past shoppers of each kind; {counts}"
    return None
