"""purchase: which shoppers will buy within the next 30 days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from capflow_assets.methods.visits import YEAR_DAYS
from capflow_assets.models.bases.repeat_purchase import RepeatPurchase


class Purchase(RepeatPurchase):
    """Predict the probability that a shopper of the last 365 days has a bill in the next 30 days."""

    name = "purchase"
    title = "Purchase within 30 days"
    description = "How likely each shopper of the last year is to buy something in the next 30 days, and why."
    features = ("rfm", "rhythm", "basket")
    horizon_days = 30
    active_days = YEAR_DAYS
    measures: ClassVar[Mapping[str, str]] = {"by_visits": "{value:.0%} likely to buy, judging by past visit dates"}
