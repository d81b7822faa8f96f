"""The base of models that predict whether a shopper buys within the horizon, or lapses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Needs, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.lifetime import DAYS_A_WEEK, fit_process, repeat_visits
from capflow_assets.methods.visits import YEAR_DAYS, active_users, last_day_before, spend_by_user, visit_history
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import ALL_FAMILIES, TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd


class RepeatPurchase(TabularModel):
    """Predict the probability that a shopper of the last `active_days` buys within the horizon; with `lapse`, does not.

    The probability by BG/NBD, from visit dates alone, is both a predictor and a member of the blend, because with a few
    hundred shoppers it beats trees. It is also the baseline, unless a subclass has another.
    """

    family = "propensity"
    task: ClassVar[Task] = "binary"
    objective = "binary"
    tables = ("bills",)
    needs = Needs(200, 1000, 180, positives=30, least_label_share=0.005, greatest_label_share=0.995)
    metric = "auc"
    baseline_name = "the visits to expect by BG/NBD (Fader, Hardie & Lee 2005)"
    has_rule = True
    poolable = True
    parameters: ClassVar[Mapping[str, Any]] = {**TabularModel.parameters, "families": [*ALL_FAMILIES, "rule"]}
    rule = "by_visits"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 1.0, "value_of_success": 10.0}
    lapse: ClassVar[bool] = False

    @property
    @abstractmethod
    def active_days(self) -> int:
        """The population: shoppers who bought in so many days."""

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return the shoppers of the last `active_days`."""
        return active_users(snapshot, self.active_days)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `label`: 1 for a shopper with a purchase in the window (with `lapse`: without one), else 0."""
        import pandas as pd

        users = self.population(snapshot)["user_id"]
        came = users.isin(spend_by_user(window["bills"]).index)
        return pd.DataFrame({"user_id": users, "label": (came != self.lapse).astype("int64")})

    def background(self, past: Sequence[Snapshot]) -> dict[str, Any]:
        """Return the parameters of BG/NBD, fitted on the visits before the latest date; None if it cannot be fitted."""
        return _process(*_visits(past[-1]))

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """Return `by_visits`: the probability by BG/NBD, null if it could not be fitted."""
        import pandas as pd

        history, today = _visits(snapshot)
        probability = pd.Series(self._by_visits(history, today, background), index=pd.Index(history["user_id"]))
        return probability.reindex(units["user_id"]).reset_index(drop=True).to_frame("by_visits")

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict by BG/NBD from visit dates alone; if it cannot be fitted, from the visit rate of 365 days."""
        import numpy as np

        history, today = _visits(snapshot)
        score = self._by_visits(history, today, _process(history, today))
        by_rate = self._probability(history["visits_year"].to_numpy() * (self.horizon_days / YEAR_DAYS))
        is_active = (history["last_day"] > today - self.active_days).to_numpy()
        score = np.where(np.isnan(score), by_rate, score)[is_active]
        return prediction_frame(self, {"user_id": history["user_id"][is_active], "score": score})

    def _by_visits(self, history: pd.DataFrame, today: int, background: Mapping[str, Any]) -> np.ndarray:
        """Return the probability of each shopper by BG/NBD; all NaN if it could not be fitted."""
        import numpy as np

        if background["bgnbd"] is None:
            return np.full(len(history), np.nan)
        x, last, age, _ = repeat_visits(history, today)
        process = bgnbd.BGNBD(**background["bgnbd"])
        return self._probability(bgnbd.predict_purchases_or_nan(process, self.horizon_days / DAYS_A_WEEK, x, last, age))

    def _probability(self, expected_visits: np.ndarray) -> np.ndarray:
        """Return the probability of at least one visit (with `lapse`: of none), if visits are Poisson."""
        import numpy as np

        none = np.exp(-expected_visits)
        return none if self.lapse else 1.0 - none


def _process(history: pd.DataFrame, today: int) -> dict[str, Any]:
    process = fit_process(history, today)
    return {"bgnbd": None if isinstance(process, str) else vars(process).copy()}


def _visits(snapshot: Snapshot) -> tuple[pd.DataFrame, int]:
    """Return the visit history before the snapshot, and its last day."""
    return visit_history(snapshot.tables["bills"], snapshot.as_of), last_day_before(snapshot.as_of)
