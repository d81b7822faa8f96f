"""next_bill_value: how much each shopper's next bill will come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Needs, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.features.visits import visits
from capflow_assets.methods.visits import YEAR_DAYS, active_users
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd

SHOP_BILLS = 3.0  # pseudo-bills of the shop's mean, added to each shopper's own


class NextBillValue(TabularModel):
    """Predict the amount of a shopper's first bill in the next 60 days, given that there is one.

    Predicted for everybody who bought in the last 365 days; fitted and evaluated on those who came back.
    """

    name = "next_bill_value"
    title = "Value of the next bill"
    description = "How much each shopper of the last year will probably spend on the next visit, and why."
    family = "value"
    method = (
        "least absolute deviations: the median bill, by gradient boosting (LightGBM, Ke et al. 2017), a random forest "
        "(Breiman 2001) and a line (Schlossmacher 1973), blended by ensemble selection (Caruana et al. 2004)"
    )
    task: ClassVar[Task] = "regression"
    objective = "mae"
    within = (0.0, inf)
    tables = ("bills",)
    features = ("rfm", "rhythm", "basket")
    needs = Needs(200, 1000, 180)
    horizon_days = 60
    metric = "mae"
    baseline_name = "the shopper's own mean bill"
    has_rule = True
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    measures: ClassVar[Mapping[str, str]] = {"usual_bill": "usually spends about {value:,.2f}"}

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return the shoppers who bought in the last 365 days."""
        return active_users(snapshot, YEAR_DAYS)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: the first bill in the window of each shopper who has one; returned sales are no bill."""
        bills = payments(window["bills"])
        first = bills.group_by("user_id").aggregate(cents=bills.cents.argmin(bills.ts)).execute()
        found = self.population(snapshot)[["user_id"]].merge(first, on="user_id")
        return found[["user_id"]].assign(value=found["cents"].astype("float64") / 100.0)

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """Return `usual_bill`: the shopper's own mean bill in currency units; null without one."""
        bills = payments(snapshot.tables["bills"])
        own = bills.group_by("user_id").aggregate(usual_bill=bills.cents.mean() / 100.0).execute()
        return units[["user_id"]].merge(own, on="user_id", how="left")[["usual_bill"]]

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict each shopper's own mean bill, shrunk towards the shop's."""
        bills = payments(snapshot.tables["bills"])
        own = bills.group_by("user_id").aggregate(bills=bills.count(), cents=bills.cents.sum())
        users = self.population(snapshot)["user_id"]
        seen = own.order_by("user_id").execute().set_index("user_id").astype("float64")
        shop = seen["cents"].sum() / max(seen["bills"].sum(), 1.0)
        known = seen.reindex(users).fillna(0.0)
        value = (known["cents"] + SHOP_BILLS * shop) / (known["bills"] + SHOP_BILLS) / 100.0
        return prediction_frame(self, {"user_id": users, "value": value.to_numpy()})


def payments(bills: ibis.Table) -> ibis.Table:
    """Return one row per known shopper and moment of payment: `user_id`, `ts`, `cents`; bills of a moment are one."""
    bought = visits(bills)
    bought = bought.filter(bought.ts.notnull())
    return bought.group_by("user_id", "ts").aggregate(cents=bought.cents.sum().cast("int64"))
