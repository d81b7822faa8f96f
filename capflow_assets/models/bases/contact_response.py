"""The base of models that predict which offer, or which channel, a shopper responds to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.contacts import buyers, most_frequent_values, response_counts, response_share, shrink_rate
from capflow_assets.models.bases.prediction_frame import prediction_frame
from capflow_assets.models.bases.tabular import TabularModel

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

MOST = 20
EXPLAINED = 3  # a shopper gets one or two of twenty offers: explaining the others is not worth minutes


class ContactResponse(TabularModel):
    """Predict the probability that a shopper responds, for each offer (or channel) of the last 365 days.

    Predicted are the twenty values of the column `by` that were sent most, filled up with values that the model was
    fitted on, so that one shopper alone gets the same values as in a batch.
    """

    objective = "binary"
    measures: ClassVar[Mapping[str, str]] = {
        "own_contacts": "was sent this {value:.0f} times",
        "own_rate": "responded to {value:.0%} of these",
        "own_leaning": "responds {value:+.0%} compared with everything sent to them",
    }

    @property
    @abstractmethod
    def by(self) -> str:
        """The column of contacts to predict for: offer or channel."""

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return every shopper with features, crossed with the values sent most in the last 365 days."""
        return self.units_to_predict(snapshot, {})

    def units_to_predict(self, snapshot: Snapshot, learned: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Return the population, filled up to twenty values with those that the model was fitted on."""
        import pandas as pd

        values = most_frequent_values(snapshot.tables["contacts"], snapshot.as_of, self.by, MOST)
        values += [value for value in learned.get(self.by, ()) if value not in values][: MOST - len(values)]
        choices = pd.DataFrame({self.by: pd.Series(sorted(values), dtype="str")})
        return snapshot.features[["user_id"]].merge(choices, how="cross")

    def reasons(self, artefact: Artefact, prediction: pd.DataFrame, matrix: np.ndarray) -> list[list[str]]:
        """Return what contributed most to each shopper's best three; for the others, how often they were sent."""
        import numpy as np

        place = prediction.groupby("user_id")["score"].rank(ascending=False, method="first")
        best = np.flatnonzero(place.to_numpy() <= EXPLAINED)
        sent = matrix[:, len(artefact.columns) + list(self.measures).index("own_contacts")]
        texts = [[self.measures["own_contacts"].format(value=count)] for count in sent.tolist()]
        explained = super().reasons(artefact, prediction.iloc[best], matrix[best])
        for row, reasons in zip(best.tolist(), explained, strict=True):
            texts[row] = reasons
        return texts

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `label` for each pair contacted in the window: 1 if the shopper responded in the window, else 0."""
        end = snapshot.as_of + timedelta(days=self.horizon_days)
        pairs = response_counts(window["contacts"], end, self.unit)
        known = most_frequent_values(snapshot.tables["contacts"], snapshot.as_of, self.by, MOST)
        pairs = pairs[pairs["user_id"].isin(buyers(snapshot)) & pairs[self.by].isin(known)].reset_index(drop=True)
        return pairs[list(self.unit)].assign(label=(pairs["answers"] > 0).astype("int64"))

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """Return contacts, response rate, and its difference from the shopper's overall rate (smoothed), per unit."""
        import numpy as np

        past = response_counts(snapshot.tables["contacts"], snapshot.as_of, self.unit)
        pair = units[list(self.unit)].merge(past, how="left", on=list(self.unit)).fillna({"contacts": 0, "answers": 0})
        every = past.groupby("user_id")[["contacts", "answers"]].sum()
        every = every.reindex(units["user_id"], fill_value=0).reset_index(drop=True)
        usual = every["answers"] / every["contacts"].clip(lower=1)
        rate = pair["answers"] / pair["contacts"].replace(0, np.nan)
        leaning = shrink_rate(pair["answers"], pair["contacts"], usual) - usual
        return (
            units[[]].reset_index(drop=True).assign(own_contacts=pair["contacts"], own_rate=rate, own_leaning=leaning)
        )

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the shopper's own response rate, shrunk towards that of all shoppers (ten pseudo-contacts)."""
        units = self.population(snapshot)
        past = response_counts(snapshot.tables["contacts"], snapshot.as_of, self.unit)
        usual = past.groupby(self.by)[["contacts", "answers"]].sum()
        rate = shrink_rate(usual["answers"], usual["contacts"], response_share(past))
        own = units.merge(past, how="left", on=list(self.unit)).fillna({"contacts": 0, "answers": 0})
        score = shrink_rate(own["answers"], own["contacts"], own[self.by].map(rate).fillna(response_share(past)))
        return prediction_frame(self, {**{name: units[name] for name in self.unit}, "score": score})
