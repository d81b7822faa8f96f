"""churn: which active shoppers will stay away for the next 60 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods.visits import active, last_day_before, spend
from capflow_assets.models.base import Needs, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame
from capflow_assets.models.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd

ACTIVE_DAYS = 180


class Churn(TabularModel):
    """Lapse: the probability that an active shopper (bought in the last 180 days) has no bill in the next 60 days."""

    name = "churn"
    title = "Lapse within 60 days"
    description = "How likely each active shopper is to buy nothing in the next 60 days, and why."
    family = "propensity"
    task: ClassVar[Task] = "binary"
    objective = "binary"
    tables = ("bills",)
    features = ("rfm", "rhythm")
    needs = Needs(200, 1000, 180, positives=30, least_label_share=0.005, greatest_label_share=0.995)
    horizon_days = 60
    metric = "auc"
    baseline_name = "days since the last visit"
    has_rule = True
    poolable = True
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 1.0, "value_of_success": 10.0}

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Shoppers who bought in the last 180 days."""
        return active(snapshot, ACTIVE_DAYS)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 for an active shopper without a purchase in the window, else 0."""
        import pandas as pd

        users = active(snapshot, ACTIVE_DAYS)["user_id"]
        came = users.isin(spend(window["bills"]).index)
        return pd.DataFrame({"user_id": users, "label": (~came).astype("int64")})

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The longer since the last visit, the likelier to lapse: days since it, as a share of 180."""
        users = active(snapshot, ACTIVE_DAYS)
        days = last_day_before(snapshot.as_of) - users["last_day"] + 1
        return prediction_frame(self, {"user_id": users["user_id"], "score": days / ACTIVE_DAYS})
