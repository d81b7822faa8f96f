"""purchase: which shoppers will buy within the next 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods import bgnbd
from capflow_assets.methods.lifetime import DAYS_A_WEEK, process_of, repeat_visits
from capflow_assets.methods.visits import YEAR_DAYS, active, last_day_before, spend, visit_history
from capflow_assets.models.base import Needs, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame
from capflow_assets.models.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd


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
    baseline_name = "the visits to expect by BG/NBD (Fader, Hardie & Lee 2005)"
    has_rule = True
    poolable = True
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
        """The chance of a visit in 30 days by BG/NBD, from the dates of visits alone; visits in 365 days without it."""
        import numpy as np

        history, today = visit_history(snapshot.tables["bills"], snapshot.as_of), last_day_before(snapshot.as_of)
        process = process_of(history, today)
        if isinstance(process, str):
            coming = history["visits_year"].to_numpy() * (self.horizon_days / YEAR_DAYS)
        else:
            x, last, age, _ = repeat_visits(history, today)
            coming = bgnbd.expected_purchases(process, self.horizon_days / DAYS_A_WEEK, x, last, age)
        lately = (history["last_day"] > today - YEAR_DAYS).to_numpy()
        return prediction_frame(self, {"user_id": history["user_id"][lately], "score": 1.0 - np.exp(-coming[lately])})
