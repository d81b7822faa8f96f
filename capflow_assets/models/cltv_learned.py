"""cltv_learned: what each shopper will spend in the next 90 days, a year and three years, learned from features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Needs, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.lifetime import bgnbd
from capflow_assets.methods.lifetime.lifetime import (
    LONGER_IN_WORDS,
    extrapolate_past_spend,
    extrapolate_value,
    fit_process,
)
from capflow_assets.methods.visits import last_day_before, next_spend, visit_history
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

BUCKETS = 5


class CltvLearned(TabularModel):
    """Predict the expected spend of each shopper in the next 90 days from features, in the retailer's currency.

    Spend is zero for most and large for a few, hence a Tweedie distribution (Jorgensen & de Souza 1994). The values of
    one and of three years are scaled by the visits that BG/NBD expects in them. The metric ranks shoppers by spend: the
    mean absolute error would be minimised by the median, which is zero for most.
    """

    name = "cltv_learned"
    title = "Customer lifetime value, learned from all features"
    description = (
        "How much each shopper will probably spend in 90 days, one year and three years, their fifth, and why."
    )
    family = "value"
    method = (
        "gradient boosting (LightGBM, Ke et al. 2017) of the mean of a Tweedie distribution (Jorgensen & de Souza "
        "1994); beyond 90 days BG/NBD (Fader, Hardie & Lee 2005)"
    )
    task: ClassVar[Task] = "regression"
    objective = "tweedie"
    within = (0.0, inf)
    extras: ClassVar[Mapping[str, str]] = {
        **LONGER_IN_WORDS,
        "bucket": "Fifth by value in 90 days, among the shoppers of the training: 1 is the lowest, 5 the highest.",
    }
    tables = ("bills",)
    features = ("rfm", "rhythm", "basket")
    needs = Needs(users=100, bills=500, history_days=240)
    horizon_days = 90
    metric = "spend_gini"
    baseline_name = "the shopper's own past rate of spend"

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return every shopper with a visit so far."""
        return visit_history(snapshot.tables["bills"], snapshot.as_of)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: currency units spent in the window by every shopper seen before it, 0 without a purchase."""
        return next_spend(snapshot, window["bills"])

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit the value from features; fit the extrapolation to years and the fifths on the latest date."""
        import numpy as np

        fitted = super().fit(train, parameters, seed)
        latest = max(train, key=lambda snapshot: snapshot.as_of)
        units, matrix = self._units_and_matrix(fitted, latest)
        edges = np.quantile(self._predictor(fitted).predict(matrix), np.arange(1, BUCKETS) / BUCKETS)
        facts = {"edges": [float(edge) for edge in edges], **fit_extrapolation(units, last_day_before(latest.as_of))}
        return replace(fitted, facts={**fitted.facts, **facts})

    def extra_columns(
        self, artefact: Artefact, snapshot: Snapshot, units: pd.DataFrame, answer: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the values of one and of three years, and the fifth."""
        import numpy as np

        fitted = artefact.facts["bgnbd"]
        process = None if fitted is None else bgnbd.BGNBD(**fitted)
        longer = extrapolate_value(process, units, last_day_before(snapshot.as_of), answer, self.horizon_days)
        bucket = 1.0 + np.searchsorted(artefact.facts["edges"], answer, side="left")
        return {**longer, "bucket": bucket}

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict that each shopper goes on at their past rate of spend; the fifths are of these values."""
        import numpy as np

        history, today = self.population(snapshot), last_day_before(snapshot.as_of)
        value = extrapolate_past_spend(history, today, self.horizon_days).to_numpy()
        longer = extrapolate_value(None, history, today, value, self.horizon_days)
        edges = np.quantile(value, np.arange(1, BUCKETS) / BUCKETS) if len(value) else []
        bucket = 1.0 + np.searchsorted(edges, value, side="left")
        return prediction_frame(self, {"user_id": history["user_id"], "value": value, **longer, "bucket": bucket})


def fit_extrapolation(history: pd.DataFrame, today: int) -> dict[str, Any]:
    """Return the facts of the extrapolation beyond the horizon: `bgnbd` (parameters or None), `extrapolation` (words).

    If BG/NBD cannot be fitted on these visits, values scale with the days, as if no shopper left: an upper bound.
    """
    process = fit_process(history, today)
    if isinstance(process, str):
        return {"bgnbd": None, "extrapolation": f"the ratio of the days, as if no shopper left. {process}"}
    return {"bgnbd": vars(process).copy(), "extrapolation": "expected visits by BG/NBD"}
