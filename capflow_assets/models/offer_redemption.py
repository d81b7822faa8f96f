"""offer_redemption: which offer each shopper will redeem when it is sent to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from capflow_assets.contract.model import Needs, Task
from capflow_assets.models.bases.contact_response import ContactResponse


class OfferRedemption(ContactResponse):
    """Predict the probability that a shopper redeems an offer sent in the next 30 days, for each of the usual offers.

    Offers that were never sent are not predicted; for new ones the shopper's response to others decides.
    """

    name = "offer_redemption"
    title = "Offers each shopper will redeem"
    description = "How likely each shopper is to redeem each of the retailer's usual offers, and why."
    family = "propensity"
    task: ClassVar[Task] = "binary"
    unit = ("user_id", "offer")
    by = "offer"
    tables = ("contacts", "bills")
    features = ("rfm", "rhythm", "campaigns")
    needs = Needs(200, 500, 120, positives=30, contacts=1000, treated=500)
    horizon_days = 30
    metric = "auc"
    baseline_name = "the shopper's own past rate with that offer"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 0.1, "value_of_success": 5.0}
