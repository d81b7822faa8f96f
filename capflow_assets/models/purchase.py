"""purchase: which shoppers will buy within the next 30 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods import bgnbd
from capflow_assets.methods.lifetime import DAYS_A_WEEK, process_of, repeat_visits
from capflow_assets.methods.visits import YEAR_DAYS, active, last_day_before, spend, visit_history
from capflow_assets.models.base import Needs, Snapshot, Task
from capflow_assets.models.prediction import prediction_frame
from capflow_assets.models.tabular import ALL_FAMILIES, TabularModel

if TYPE_CHECKING:
    import ibis
    import pandas as pd


class Purchase(TabularModel):
    """Propensity to buy: the probability that a shopper of the last 365 days has a bill in the next 30 days.

    What BG/NBD says of the dates of visits alone, the baseline, is a column to learn from and a member of the blend:
    with a few hundred shoppers it knows more than trees do.
    """

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
    parameters: ClassVar[Mapping[str, Any]] = {**TabularModel.parameters, "families": [*ALL_FAMILIES, "rule"]}
    measures: ClassVar[Mapping[str, str]] = {"by_visits": "{value:.0%} likely to come by the dates of their visits"}
    rule = "by_visits"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 1.0, "value_of_success": 10.0}

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Shoppers who bought in the last 365 days."""
        return active(snapshot, YEAR_DAYS)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 for a shopper of the last 365 days with a purchase in the window, else 0."""
        import pandas as pd

        users = self.population(snapshot)["user_id"]
        return pd.DataFrame({"user_id": users, "label": users.isin(spend(window["bills"]).index).astype("int64")})

    def background(self, train: Sequence[Snapshot]) -> dict[str, Any]:
        """The process behind the visits up to the latest date; None where BG/NBD finds none."""
        history, today = _visits(train[-1])
        process = process_of(history, today) if len(history) else "nobody came yet"
        return {"bgnbd": None if isinstance(process, str) else vars(process).copy()}

    def measured(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """`by_visits`: the chance of a visit in 30 days by BG/NBD; null where it found no process."""
        chance = self._by_visits(*_visits(snapshot), background)
        return chance.reindex(units["user_id"]).reset_index(drop=True).to_frame()

    def baseline(self, train: Sequence[Snapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The chance of a visit in 30 days by BG/NBD, from the dates of visits alone; visits in 365 days without it."""
        import numpy as np

        history, today = _visits(snapshot)
        score = self._by_visits(history, today, self.background([snapshot])).to_numpy()
        plain = 1.0 - np.exp(-history["visits_year"].to_numpy() * (self.horizon_days / YEAR_DAYS))
        lately = (history["last_day"] > today - YEAR_DAYS).to_numpy()
        told = np.where(np.isnan(score), plain, score)[lately]
        return prediction_frame(self, {"user_id": history["user_id"][lately], "score": told})

    def _by_visits(self, history: pd.DataFrame, today: int, background: Mapping[str, Any]) -> pd.Series:
        """The chance by shopper, null where it cannot be told, for all where there is no process."""
        import numpy as np
        import pandas as pd

        chance = np.full(len(history), np.nan)
        if background["bgnbd"] is not None:
            x, last, age, _ = repeat_visits(history, today)
            process = bgnbd.BGNBD(**background["bgnbd"])
            chance = 1.0 - np.exp(-bgnbd.purchases_if_known(process, self.horizon_days / DAYS_A_WEEK, x, last, age))
        return pd.Series(chance, index=pd.Index(history["user_id"]), name="by_visits")


def _visits(snapshot: Snapshot) -> tuple[pd.DataFrame, int]:
    """Each shopper's visits so far, and the last day of them."""
    return visit_history(snapshot.tables["bills"], snapshot.as_of), last_day_before(snapshot.as_of)
