"""rfm_segments: ten segments of shoppers by recency, frequency and spend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.visits import last_day_before, next_spend, visit_history
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

QUINTILES = (0.2, 0.4, 0.6, 0.8)

# The first rule that holds gives the segment. Each bound is (least, most) of a score from 1 (worst) to 5 (best);
# `worth` is the mean of the frequency and the spend score.
# After the segments of Bult & Wansbeek (1995) and their usual names in CRM suites.
RULES: tuple[tuple[str, Mapping[str, tuple[float, float]]], ...] = (
    ("champions", {"recency": (5, 5), "worth": (4, 5)}),
    ("loyal", {"recency": (4, 4), "worth": (4, 5)}),
    ("new", {"recency": (4, 5), "visits": (1, 1)}),
    ("potential loyal", {"recency": (4, 5), "worth": (2.5, 4)}),
    ("promising", {"recency": (4, 5)}),
    ("at risk", {"recency": (2, 3), "worth": (4, 5)}),
    ("needs attention", {"recency": (3, 3), "worth": (2.5, 4)}),
    ("about to sleep", {"recency": (3, 3)}),
    ("hibernating", {"recency": (2, 2)}),
    ("lost", {}),
)


def recency_frequency_money(history: pd.DataFrame, today: int) -> pd.DataFrame:
    """Return `recency_days`, `frequency` and `money_cents` of the last 365 days, and all `visits`, per shopper."""
    import pandas as pd

    return pd.DataFrame(
        {
            "recency_days": today - history["last_day"] + 1,
            "frequency": history["visits_year"],
            "money_cents": history["cents_year"],
            "visits": history["visits"],
        }
    )


def scores(measures: pd.DataFrame, edges: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Return scores 1 (worst) to 5 (best): `recency`, `frequency`, `money` by the edges; and `worth`, `visits`."""
    import pandas as pd

    recency = 5 - _fifth(measures["recency_days"], edges["recency_days"])
    frequency = 1 + _fifth(measures["frequency"], edges["frequency"])
    money = 1 + _fifth(measures["money_cents"], edges["money_cents"])
    columns = {"recency": recency, "frequency": frequency, "money": money, "worth": (frequency + money) / 2}
    return pd.DataFrame({**columns, "visits": measures["visits"].to_numpy()})


def labels(scored: pd.DataFrame) -> np.ndarray:
    """Return the segment of each shopper: the first of RULES that holds."""
    import numpy as np

    holds = [
        np.logical_and.reduce(
            [np.ones(len(scored), dtype=bool)]
            + [scored[name].between(least, most).to_numpy() for name, (least, most) in bounds.items()]
        )
        for _, bounds in RULES
    ]
    return np.select(holds, [name for name, _ in RULES], default="lost")


def _fifth(values: pd.Series, edges: Sequence[float]) -> np.ndarray:
    """Return 0 for values up to the first edge, ... 4 above the fourth; equal values always get the same number."""
    import numpy as np

    return np.searchsorted(np.asarray(edges, dtype=float), values.to_numpy(dtype=float), side="left")


class RfmSegments(Model):
    """Segment shoppers by recency, frequency and spend (champions, loyal, ... lost), with the retailer's own quintiles.

    The metric is how much of the shoppers' next spend the segments explain.
    """

    name = "rfm_segments"
    title = "RFM segments"
    description = (
        "Sorts shoppers into ten segments, from champions to lost, by how recently, how often and how much they buy."
    )
    family = "segmentation"
    method = "RFM quintiles (Hughes 1994) and the usual rules of CRM suites"
    task: ClassVar[Task] = "segment"
    tables = ("bills",)
    needs = Needs(users=100, bills=300, history_days=180)
    horizon_days = 60
    metric = "variance_explained"
    baseline_name = "fifths of last year's spend"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: currency units spent in the next 60 days by every shopper seen so far, 0 if nothing."""
        return next_spend(snapshot, window["bills"])

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit the edges of the quintiles on the latest snapshot."""
        latest = max(train, key=lambda snapshot: snapshot.as_of)
        _, measures = self._measures(latest)
        if measures.empty:
            raise NothingToLearnError(
                f"bills for {latest.customer!r} hold no purchase of a known user before {latest.as_of}."
            )
        edges = {
            name: [float(edge) for edge in measures[name].quantile(QUINTILES)]
            for name in ("recency_days", "frequency", "money_cents")
        }
        return Artefact(files={}, facts={"edges": edges})

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `label`, the segment, for every shopper seen so far."""
        users, measures = self._measures(snapshot)
        scored = scores(measures, artefact.facts["edges"])
        return prediction_frame(
            self, {"user_id": users, "label": labels(scored), "reasons": _reasons(measures, scored)}
        )

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict fifths of last year's spend, with edges from the latest training snapshot."""
        latest = max(train, key=lambda snapshot: snapshot.as_of)
        edges = self._measures(latest)[1]["money_cents"].quantile(QUINTILES).tolist()
        users, measures = self._measures(snapshot)
        fifths = _fifth(measures["money_cents"], edges)
        return prediction_frame(self, {"user_id": users, "label": [f"spend fifth {fifth + 1}" for fifth in fifths]})

    @staticmethod
    def _measures(snapshot: Snapshot) -> tuple[pd.Series, pd.DataFrame]:
        history = visit_history(snapshot.tables["bills"], snapshot.as_of)
        return history["user_id"], recency_frequency_money(history, last_day_before(snapshot.as_of))


def _reasons(measures: pd.DataFrame, scored: pd.DataFrame) -> list[list[str]]:
    rows = zip(
        measures["recency_days"].tolist(), measures["frequency"].tolist(), measures["money_cents"].tolist(),
        scored["recency"].tolist(), scored["frequency"].tolist(), scored["money"].tolist(), strict=True,
    )  # fmt: skip
    return [
        [
            f"last visit {days:,} day{'s' if days != 1 else ''} ago (recency {recency} of 5)",
            f"{visits:,} visit{'s' if visits != 1 else ''} in the last year (frequency {frequency} of 5)",
            f"spent {cents / 100:,.2f} in the last year (spend {money} of 5)",
        ]
        for days, visits, cents, recency, frequency, money in rows
    ]
