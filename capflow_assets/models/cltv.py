"""cltv: what each shopper will spend in the next 90 days, by BG/NBD with Gamma-Gamma."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.lifetime import bgnbd, gamma_gamma
from capflow_assets.methods.lifetime.lifetime import (
    DAYS_A_WEEK,
    LONGER_IN_WORDS,
    extrapolate_past_spend,
    extrapolate_value,
    repeat_visits,
)
from capflow_assets.methods.visits import last_day_before, next_spend, visit_history
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd


class Cltv(Model):
    """Predict the spend of each shopper in the next 90 days, in the retailer's currency, before returns.

    BG/NBD (Fader, Hardie & Lee 2005) gives the expected visits, Gamma-Gamma (Fader & Hardie 2013) the expected spend of
    a visit; both also give the values of one and of three years (`value_year`, `value_three_years`).
    """

    name = "cltv"
    title = "Customer lifetime value, next 90 days"
    description = (
        "How much each shopper is expected to spend in the next 90 days, and how likely they are still active."
    )
    family = "value"
    method = "BG/NBD (Fader, Hardie & Lee 2005) and Gamma-Gamma (Fader & Hardie 2013)"
    task: ClassVar[Task] = "regression"
    tables = ("bills",)
    needs = Needs(users=100, bills=500, history_days=240)
    horizon_days = 90
    metric = "mae"
    baseline_name = "the shopper's own past rate of spend"
    has_rule = True
    extras: ClassVar[Mapping[str, str]] = LONGER_IN_WORDS
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"few_repeaters": 50, "few_repeaters_penalty": 1.0}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: currency units spent in the window by every shopper seen before it, 0 without a purchase."""
        return next_spend(snapshot, window["bills"])

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit both processes on all visits before the latest snapshot; with too few repeaters use the mean spend."""
        latest = max(train, key=lambda snapshot: snapshot.as_of)
        history = visit_history(latest.tables["bills"], latest.as_of)
        if history.empty:
            raise NothingToLearnError(
                f"bills for {latest.customer!r} hold no purchase of a known user before {latest.as_of}."
            )
        x, last, age, mean_spend = repeat_visits(history, last_day_before(latest.as_of))
        few = int((x > 0).sum()) < parameters["few_repeaters"]
        process = bgnbd.fit(x, last, age, penalty=parameters["few_repeaters_penalty"] if few else 0.0)
        facts: dict[str, Any] = {"bgnbd": vars(process).copy(), "repeaters": int((x > 0).sum()), "users": len(x)}
        facts["log_likelihood"] = bgnbd.log_likelihood(process, *_in_stable_order(x, last, age))
        if few:
            facts["mean_spend"] = float(history["cents"].sum() / 100.0 / history["visits"].sum())
        else:
            counted = mean_spend > 0
            facts["gamma_gamma"] = vars(gamma_gamma.fit(x[counted], mean_spend[counted])).copy()
        return Artefact(files={}, facts=facts)

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `value` for every shopper: expected visits in the next 90 days times expected spend of a visit."""
        import numpy as np

        history = visit_history(snapshot.tables["bills"], snapshot.as_of)
        today = last_day_before(snapshot.as_of)
        x, last, age, mean_spend = repeat_visits(history, today)
        process = bgnbd.BGNBD(**artefact.facts["bgnbd"])
        visits = bgnbd.predict_purchases(process, self.horizon_days / DAYS_A_WEEK, x, last, age)
        alive = bgnbd.p_alive(process, x, last, age)
        if "gamma_gamma" in artefact.facts:
            each = gamma_gamma.predict_spend(gamma_gamma.GammaGamma(**artefact.facts["gamma_gamma"]), x, mean_spend)
        else:
            each = np.full(len(x), artefact.facts["mean_spend"])
        value = visits * each
        return prediction_frame(
            self,
            {
                "user_id": history["user_id"],
                "value": value,
                **extrapolate_value(process, history, today, value, self.horizon_days),
                "reasons": _reasons(history, today, alive, visits, each),
            },
        )

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict that each shopper goes on at their past rate of spend, first visit included."""
        history, today = visit_history(snapshot.tables["bills"], snapshot.as_of), last_day_before(snapshot.as_of)
        value = extrapolate_past_spend(history, today, self.horizon_days).to_numpy()
        longer = extrapolate_value(None, history, today, value, self.horizon_days)
        return prediction_frame(self, {"user_id": history["user_id"], "value": value, **longer})


def _in_stable_order(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sort the shoppers independently of their ids, so that sums are the same to the last bit."""
    import numpy as np

    order = np.lexsort(columns)
    return tuple(column[order] for column in columns)


def _reasons(
    history: pd.DataFrame, today: int, alive: np.ndarray, visits: np.ndarray, each: np.ndarray
) -> list[list[str]]:
    gone = today - history["last_day"] + 1
    rows = zip(
        history["visits"].tolist(), gone.tolist(), alive.tolist(), visits.tolist(), each.tolist(), strict=True
    )  # fmt: skip
    return [
        [
            f"{seen:,} visit{'s' if seen > 1 else ''}, the last {days:,} day{'s' if days > 1 else ''} ago",
            # In BG/NBD shoppers leave only after a repeat visit: with one visit it always gives 100 %, which misleads.
            f"{probability:.0%} likely to be still active" if seen > 1 else "came once so far",
            f"about {coming:,.1f} visits of {spent:,.2f} each expected in 90 days",
        ]
        for seen, days, probability, coming, spent in rows
    ]
