"""next_bill_value: how much each shopper's next bill will come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.features.visits import visits
from capflow_assets.methods.phrases import UNKNOWN
from capflow_assets.methods.visits import YEAR_DAYS, active
from capflow_assets.models.base import Artefact, Needs, Promotion, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame
from capflow_assets.models.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

CALM: Mapping[str, Any] = {"num_leaves": 4, "min_data_in_leaf": 50, "learning_rate": 0.03, "forest_leaves": 15}
"""Small trees: beside the usual bill there is little to know of the next one, and much noise to mistake for it."""


class NextBillValue(TabularModel):
    """Next bill: the currency units that a shopper's first bill in the next 60 days comes to, if there is one.

    Asked about everybody who bought in the last 365 days; learned from, and judged on, those who came back. What is
    learned is by how much the next bill differs from the shopper's usual one.
    """

    name = "next_bill_value"
    title = "Value of the next bill"
    description = "How much each shopper of the last year will probably spend on the next visit, and why."
    family = "value"
    method = (
        "least absolute deviations: the median bill as a multiple of the shopper's usual one, by gradient boosting "
        "(LightGBM, Ke et al. 2017), a random forest (Breiman 2001) and a constant, blended by ensemble selection "
        "(Caruana et al. 2004)"
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
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {
        **TabularModel.parameters,
        **CALM,
        "families": ["boosting", "forest", "constant"],
    }

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Shoppers who bought in the last 365 days."""
        return active(snapshot, YEAR_DAYS)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`value`: the first bill in the window of each shopper of the last 365 days who has one; returns are none."""
        bills = paid(window["bills"])
        first = bills.group_by("user_id").aggregate(cents=bills.cents.argmin(bills.ts)).execute()
        asked = self.population(snapshot)[["user_id"]].merge(first, on="user_id")
        return asked[["user_id"]].assign(value=asked["cents"].astype("float64") / 100.0)

    def prepared(self, train: Sequence[Snapshot]) -> dict[str, Any]:
        """`shop_bill`: the mean bill of the shop."""
        return {"shop_bill": shop_bill(max(train, key=lambda snapshot: snapshot.as_of))}

    def multiple_of(self, facts: Mapping[str, Any], snapshot: Snapshot, units: pd.DataFrame) -> np.ndarray:
        """Each shopper's usual bill."""
        return usual_bill(snapshot, units["user_id"], facts["shop_bill"])

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """The next bill; the first reason is the usual one, the others are what makes the next differ from it."""
        found = super().predict(artefact, snapshot)
        usual = self.multiple_of(artefact.facts, snapshot, found)
        found["reasons"] = [
            [f"usually spends {own:,.2f} a visit", *(reason for reason in reasons[:2] if reason != UNKNOWN)]
            for own, reasons in zip(usual.tolist(), found["reasons"], strict=True)
        ]
        return found

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Each shopper's usual bill once more."""
        users = self.population(snapshot)["user_id"]
        return prediction_frame(self, {"user_id": users, "value": usual_bill(snapshot, users, shop_bill(snapshot))})


def usual_bill(snapshot: Snapshot, users: pd.Series, shop: float) -> np.ndarray:
    """The mean bill of each of `users` and of one more of `shop`, the shop's mean bill, in currency units."""
    bills = paid(snapshot.tables["bills"])
    own = bills.group_by("user_id").aggregate(bills=bills.count(), cents=bills.cents.sum())
    seen = own.execute().set_index("user_id").astype("float64").reindex(users).fillna(0.0)
    return ((seen["cents"] / 100.0 + shop) / (seen["bills"] + 1.0)).to_numpy()


def shop_bill(snapshot: Snapshot) -> float:
    """The mean bill of all known shoppers so far, in currency units; 1 where there is none."""
    bills = paid(snapshot.tables["bills"])
    sums = bills.aggregate(bills=bills.count(), cents=bills.cents.sum().fill_null(0)).execute().iloc[0]
    return float(sums["cents"]) / 100.0 / float(sums["bills"]) if sums["cents"] else 1.0


def paid(bills: ibis.Table) -> ibis.Table:
    """One row for each moment at which a known shopper paid: `user_id`, `ts`, `cents`; bills of one moment are one."""
    bought = visits(bills)
    bought = bought.filter(bought.ts.notnull())
    return bought.group_by("user_id", "ts").aggregate(cents=bought.cents.sum().cast("int64"))
