"""purchase: which shoppers will buy within the next 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods.visits import YEAR_DAYS, active, last_day_before, spend, visits
from capflow_assets.models.base import Needs, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame
from capflow_assets.models.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd

QUARTER_DAYS = 90


class Purchase(TabularModel):
    """Propensity to buy: the probability that a shopper of the last 365 days has a bill in the next 30 days."""

    name = "purchase"
    title = "Purchase within 30 days"
    description = "How likely each shopper of the last year is to buy something in the next 30 days, and why."
    family = "propensity"
    task: ClassVar[Task] = "binary"
    objective = "binary"
    tables = ("bills",)
    features = ("rfm", "rhythm", "basket")
    needs = Needs(200, 1000, 180, positives=30, least_label_share=0.005, greatest_label_share=0.995)
    horizon_days = 30
    metric = "auc"
    baseline_name = "visits in the last 90 days, then days since the last"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 1.0, "value_of_success": 10.0}

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Shoppers who bought in the last 365 days."""
        return active(snapshot, YEAR_DAYS)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 for a shopper of the last 365 days with a purchase in the window, else 0."""
        import pandas as pd

        users = self.population(snapshot)["user_id"]
        return pd.DataFrame({"user_id": users, "label": users.isin(spend(window["bills"]).index).astype("int64")})

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Who came most often in the last 90 days is the likeliest; of equally many visits, who came last."""
        users, today = self.population(snapshot), last_day_before(snapshot.as_of)
        days = visits(snapshot.tables["bills"])
        late = days.group_by("user_id").aggregate(visits=days.count(where=days.day > today - QUARTER_DAYS)).execute()
        often = users["user_id"].map(late.set_index("user_id")["visits"]).astype(float)
        order = often + 1 - (today - users["last_day"]) / YEAR_DAYS
        return prediction_frame(self, {"user_id": users["user_id"], "score": order / (order + 1)})
