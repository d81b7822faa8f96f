"""Answers by: the base of models that tell for each shopper and each offer, or channel, whether it will be answered."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.contacts import buyers, most_sent, rates, share, shrunk
from capflow_assets.models.bases.prediction import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

MOST = 20
EXPLAINED = 3  # of twenty offers a shopper gets one or two: why the others score lower is not worth minutes


class AnswersBy(TabularModel):
    """The probability to answer, of every shopper with each of the offers (or channels) of the last 365 days.

    Of the values of the column `by` the twenty most sent are told. Those that were learned from are told as well, so
    that a shopper alone gets the same ones as among all.
    """

    objective = "binary"
    measures: ClassVar[Mapping[str, str]] = {
        "own_contacts": "was sent this {value:.0f} times",
        "own_rate": "answers {value:.0%} of it",
        "own_leaning": "answers it {value:+.0%} compared with all that was sent to them",
    }

    @property
    @abstractmethod
    def by(self) -> str:
        """The column of contacts whose values are told: offer, channel."""

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Every shopper with features, with each of the values most sent lately."""
        return self.units_to_predict(snapshot, {})

    def units_to_predict(self, snapshot: Snapshot, learned: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """As the population, filled up to twenty with values that were learned from."""
        import pandas as pd

        values = most_sent(snapshot.tables["contacts"], snapshot.as_of, self.by, MOST)
        values += [value for value in learned.get(self.by, ()) if value not in values][: MOST - len(values)]
        told = pd.DataFrame({self.by: pd.Series(sorted(values), dtype="str")})
        return snapshot.features[["user_id"]].merge(told, how="cross")

    def reasons(self, artefact: Artefact, prediction: pd.DataFrame, matrix: np.ndarray) -> list[list[str]]:
        """What pushed each shopper's best three; of the others, how often they were sent."""
        import numpy as np

        place = prediction.groupby("user_id")["score"].rank(ascending=False, method="first")
        best = np.flatnonzero(place.to_numpy() <= EXPLAINED)
        sent = matrix[:, len(artefact.columns) + list(self.measures).index("own_contacts")]
        found = [[self.measures["own_contacts"].format(value=count)] for count in sent.tolist()]
        told = super().reasons(artefact, prediction.iloc[best], matrix[best])
        for row, reasons in zip(best.tolist(), told, strict=True):
            found[row] = reasons
        return found

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """`label`: 1 where a shopper answered, in the window, one of those sent in the window; a row for each pair."""
        end = snapshot.as_of + timedelta(days=self.horizon_days)
        told = rates(window["contacts"], end, self.unit)
        known = most_sent(snapshot.tables["contacts"], snapshot.as_of, self.by, MOST)
        told = told[told["user_id"].isin(buyers(snapshot)) & told[self.by].isin(known)].reset_index(drop=True)
        return told[list(self.unit)].assign(label=(told["answers"] > 0).astype("int64"))

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """How often the shopper got and answered this before, and how that differs from their answers to all."""
        import numpy as np

        told = rates(snapshot.tables["contacts"], snapshot.as_of, self.unit)
        pair = units[list(self.unit)].merge(told, how="left", on=list(self.unit)).fillna({"contacts": 0, "answers": 0})
        every = told.groupby("user_id")[["contacts", "answers"]].sum()
        every = every.reindex(units["user_id"], fill_value=0).reset_index(drop=True)
        usual = every["answers"] / every["contacts"].clip(lower=1)
        rate = pair["answers"] / pair["contacts"].replace(0, np.nan)
        leaning = shrunk(pair["answers"], pair["contacts"], usual) - usual
        return (
            units[[]].reset_index(drop=True).assign(own_contacts=pair["contacts"], own_rate=rate, own_leaning=leaning)
        )

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """The shopper's own share of answers to it, as if ten more had been answered as all shoppers answer it."""
        units = self.population(snapshot)
        told = rates(snapshot.tables["contacts"], snapshot.as_of, self.unit)
        usual = told.groupby(self.by)[["contacts", "answers"]].sum()
        rate = shrunk(usual["answers"], usual["contacts"], share(told))
        own = units.merge(told, how="left", on=list(self.unit)).fillna({"contacts": 0, "answers": 0})
        score = shrunk(own["answers"], own["contacts"], own[self.by].map(rate).fillna(share(told)))
        return prediction_frame(self, {**{name: units[name] for name in self.unit}, "score": score})
