"""churn: which active shoppers will buy nothing in the next 60 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.visits import last_day_before
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.repeat_purchase import RepeatPurchase

if TYPE_CHECKING:
    import pandas as pd

ACTIVE_DAYS = 180


class Churn(RepeatPurchase):
    """Predict the probability that an active shopper (bought in the last 180 days) has no bill in the next 60 days."""

    name = "churn"
    title = "Lapse within 60 days"
    description = "How likely each active shopper is to buy nothing in the next 60 days, and why."
    features = ("rfm", "rhythm")
    horizon_days = 60
    baseline_name = "days since the last visit"
    active_days = ACTIVE_DAYS
    lapse = True
    measures: ClassVar[Mapping[str, str]] = {
        "by_visits": "{value:.0%} likely to stay away, judging by past visit dates",
    }

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the days since the last visit as a share of 180."""
        users = self.population(snapshot)
        days = last_day_before(snapshot.as_of) - users["last_day"] + 1
        return prediction_frame(self, {"user_id": users["user_id"], "score": days / ACTIVE_DAYS})
