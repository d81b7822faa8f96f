"""Comes again: the base of models that tell whether a shopper comes within the horizon, or stays away."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Needs, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.lifetime import DAYS_A_WEEK, process_of, repeat_visits
from capflow_assets.methods.visits import YEAR_DAYS, active, last_day_before, spend, visit_history
from capflow_assets.models.bases.prediction import prediction_frame
from capflow_assets.models.bases.tabular import ALL_FAMILIES, TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd


class ComesAgain(TabularModel):
    """The probability that a shopper who bought lately comes in the horizon; with `away`, that they do not.

    What BG/NBD says of the dates of visits alone is a column to learn from and a member of the blend, for with a few
    hundred shoppers it knows more than trees do; it is the baseline too, unless a subclass has another.
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
    away: ClassVar[bool] = False

    @property
    @abstractmethod
    def lately_days(self) -> int:
        """Whoever bought in so many days is asked about."""

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Shoppers who bought lately."""
        return active(snapshot, self.lately_days)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 for a shopper with a purchase in the window (with `away`: without one), else 0."""
        import pandas as pd

        users = self.population(snapshot)["user_id"]
        came = users.isin(spend(window["bills"]).index)
        return pd.DataFrame({"user_id": users, "label": (came != self.away).astype("int64")})

    def background(self, past: Sequence[Snapshot]) -> dict[str, Any]:
        """The process behind the visits up to the latest date; None where BG/NBD finds none."""
        return _process(*_visits(past[-1]))

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """`by_visits`: the same probability by BG/NBD; null where it found no process."""
        import pandas as pd

        history, today = _visits(snapshot)
        told = pd.Series(self._by_visits(history, today, background), index=pd.Index(history["user_id"]))
        return told.reindex(units["user_id"]).reset_index(drop=True).to_frame("by_visits")

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The same probability by BG/NBD, from the dates of visits alone; from the visits of 365 days without it."""
        import numpy as np

        history, today = _visits(snapshot)
        score = self._by_visits(history, today, _process(history, today))
        plain = self._chance(history["visits_year"].to_numpy() * (self.horizon_days / YEAR_DAYS))
        lately = (history["last_day"] > today - self.lately_days).to_numpy()
        told = np.where(np.isnan(score), plain, score)[lately]
        return prediction_frame(self, {"user_id": history["user_id"][lately], "score": told})

    def _by_visits(self, history: pd.DataFrame, today: int, background: Mapping[str, Any]) -> np.ndarray:
        """The probability of each shopper, NaN where it cannot be told, for all where there is no process."""
        import numpy as np

        if background["bgnbd"] is None:
            return np.full(len(history), np.nan)
        x, last, age, _ = repeat_visits(history, today)
        process = bgnbd.BGNBD(**background["bgnbd"])
        return self._chance(bgnbd.purchases_if_known(process, self.horizon_days / DAYS_A_WEEK, x, last, age))

    def _chance(self, coming: np.ndarray) -> np.ndarray:
        """The probability, where so many visits are to be expected."""
        import numpy as np

        none = np.exp(-coming)
        return none if self.away else 1.0 - none


def _process(history: pd.DataFrame, today: int) -> dict[str, Any]:
    process = process_of(history, today)
    return {"bgnbd": None if isinstance(process, str) else vars(process).copy()}


def _visits(snapshot: Snapshot) -> tuple[pd.DataFrame, int]:
    """Each shopper's visits so far, and the last day of them."""
    return visit_history(snapshot.tables["bills"], snapshot.as_of), last_day_before(snapshot.as_of)
