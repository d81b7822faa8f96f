"""campaign_response: who of the shoppers that a campaign reaches in the next 30 days will answer one."""

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
    """Response: the probability that a shopper whom a campaign reaches in the next 30 days answers one by then.

    It says who answers, not whom a campaign moves: for that see campaign_uplift.
    """

    name = "campaign_response"
    title = "Answer to a campaign within 30 days"
    description = "How likely each shopper is to answer when a campaign reaches them in the next 30 days, and why."
    family = "propensity"
    task: ClassVar[Task] = "binary"
    objective = "binary"
    tables = ("contacts", "bills")
    features = ("rfm", "rhythm", "campaigns")
    needs = Needs(200, 500, 120, positives=30, contacts=1000, treated=500)
    horizon_days = 30
    metric = "auc"
    baseline_name = "the shopper's own past rate of answers"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 0.1, "value_of_success": 5.0}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 for a shopper who answered a campaign that reached them in the window, within it, else 0."""
        told = response_counts(window["contacts"], snapshot.as_of + timedelta(days=self.horizon_days), ["user_id"])
        told = told[told["user_id"].isin(buyers(snapshot))].reset_index(drop=True)
        return told[["user_id"]].assign(label=(told["answers"] > 0).astype("int64"))

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The share of past campaigns that the shopper answered, as if ten more had been answered as all do."""
        told = response_counts(snapshot.tables["contacts"], snapshot.as_of, ["user_id"])
        own = told.set_index("user_id").reindex(self.population(snapshot)["user_id"], fill_value=0)
        score = shrink_rate(own["answers"], own["contacts"], response_share(told))
        return prediction_frame(self, {"user_id": own.index, "score": score})
