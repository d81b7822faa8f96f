"""campaign_response: which shoppers respond when a campaign reaches them in the next 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Needs, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.contacts import buyers, response_counts, response_share, shrink_rate
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd


class CampaignResponse(TabularModel):
    """Predict the probability that a shopper responds within 30 days, given that a campaign reaches them.

    This is response, not the effect of the campaign: for that see campaign_uplift.
    """

    name = "campaign_response"
    title = "Response to a campaign within 30 days"
    description = "How likely each shopper is to respond when a campaign reaches them in the next 30 days, and why."
    family = "propensity"
    task: ClassVar[Task] = "binary"
    objective = "binary"
    tables = ("contacts", "bills")
    features = ("rfm", "rhythm", "campaigns")
    needs = Needs(200, 500, 120, positives=30, contacts=1000, treated=500)
    horizon_days = 30
    metric = "auc"
    baseline_name = "the shopper's own past response rate"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 0.1, "value_of_success": 5.0}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `label`: 1 for a shopper reached in the window who responded within it, else 0."""
        contacted = response_counts(window["contacts"], snapshot.as_of + timedelta(days=self.horizon_days), ["user_id"])
        contacted = contacted[contacted["user_id"].isin(buyers(snapshot))].reset_index(drop=True)
        return contacted[["user_id"]].assign(label=(contacted["answers"] > 0).astype("int64"))

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the shopper's past response rate, shrunk towards that of all shoppers (ten pseudo-contacts)."""
        past = response_counts(snapshot.tables["contacts"], snapshot.as_of, ["user_id"])
        own = past.set_index("user_id").reindex(self.population(snapshot)["user_id"], fill_value=0)
        score = shrink_rate(own["answers"], own["contacts"], response_share(past))
        return prediction_frame(self, {"user_id": own.index, "score": score})
