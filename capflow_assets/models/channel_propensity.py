"""channel_propensity: by which channel each shopper is likeliest to answer a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from capflow_assets.contract.model import Needs, Task
from capflow_assets.models.bases.contact_response import ContactResponse


class ChannelPropensity(ContactResponse):
    """Channel: the probability that a shopper answers a campaign of the next 30 days, for each channel it may come by.

    The retailer chooses the channel of each past campaign; where it chose by the shopper, the model has learned that.
    """

    name = "channel_propensity"
    title = "Answer by each channel"
    description = "How likely each shopper is to answer by e-mail, text message, post and so on, and why."
    family = "propensity"
    task: ClassVar[Task] = "binary"
    unit = ("user_id", "channel")
    by = "channel"
    tables = ("contacts", "bills")
    features = ("rfm", "rhythm", "campaigns")
    needs = Needs(200, 500, 120, positives=30, contacts=1000, treated=500)
    horizon_days = 30
    metric = "auc"
    baseline_name = "the shopper's own past rate by that channel"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 0.1, "value_of_success": 5.0}
