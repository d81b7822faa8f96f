"""channel_propensity: by which channel each shopper is likeliest to respond to a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from capflow_assets.contract.model import Needs, Task
from capflow_assets.models.bases.contact_response import ContactResponse


class ChannelPropensity(ContactResponse):
    """Predict the probability that a shopper responds to a campaign in the next 30 days, for each channel.

    The retailer chose the channels of past campaigns; if it chose them by shopper, the model has learned that choice.
    """

    name = "channel_propensity"
    title = "Response by channel"
    description = "How likely each shopper is to respond by e-mail, text message, post and so on, and why."
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
