"""next_purchase_date: in how many days each shopper will buy again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from capflow_assets.contract.model import Needs, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.visits import active_users, last_day_before, visit_days
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd

ACTIVE_DAYS = 180
HORIZON_DAYS = 60


class NextPurchaseDate(TabularModel):
    """Predict the days until an active shopper (bought in the last 180 days) buys again; 60 means not before.

    The wait is right-censored at 60 days. The median of the censored wait is the censored median, so least absolute
    deviations need no waits beyond 60 days (Powell 1984).
    """

    name = "next_purchase_date"
    title = "Days until the next purchase"
    description = "In how many days each active shopper will probably buy again, up to 60, and why."
    family = "propensity"
    method = (
        "censored least absolute deviations (Powell 1984): the median wait under a fixed censoring point, by gradient "
        "boosting (LightGBM, Ke et al. 2017) and a random forest (Breiman 2001), blended by ensemble selection "
        "(Caruana et al. 2004)"
    )
    task: ClassVar[Task] = "regression"
    objective = "mae"
    within = (0.0, float(HORIZON_DAYS))
    tables = ("bills",)
    features = ("rfm", "rhythm")
    needs = Needs(200, 1000, 180)
    horizon_days = HORIZON_DAYS
    metric = "mae"
    baseline_name = "the shopper's mean gap or the days since the last visit, whichever is longer"
    has_rule = True
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return the shoppers who bought in the last 180 days."""
        return active_users(snapshot, ACTIVE_DAYS)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: days from the snapshot to the first purchase, 0 on its own day; 60 without one."""
        import pandas as pd

        users = self.population(snapshot)["user_id"]
        days = visit_days(window["bills"])
        first = days.group_by("user_id").aggregate(day=days.day.min()).execute().set_index("user_id")["day"]
        wait = first.reindex(users).astype("float64") - (last_day_before(snapshot.as_of) + 1)
        value = wait.clip(lower=0).fillna(HORIZON_DAYS).to_numpy()
        return pd.DataFrame({"user_id": users, "value": value})

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the larger of the shopper's mean gap and the days since the last visit; the shop's gap for one visit.

        "One gap after the last visit" would be a straw man: it expects the overdue, most of whom never come, today.
        """
        import numpy as np

        users = self.population(snapshot)
        span, gaps = users["last_day"] - users["first_day"], users["visits"] - 1
        shop = span.sum() / gaps.sum() if gaps.sum() else HORIZON_DAYS
        gap = (span / gaps.where(gaps > 0)).fillna(shop)
        since = last_day_before(snapshot.as_of) + 1 - users["last_day"]
        return prediction_frame(self, {"user_id": users["user_id"], "value": np.maximum(gap, since).clip(*self.within)})
