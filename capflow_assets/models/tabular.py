"""Tabular: the base of every model that learns something of shoppers from a table of their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, inf
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.methods import ensemble
from capflow_assets.methods.learners import Objective, Rows, trees
from capflow_assets.methods.phrases import phrases, strongest
from capflow_assets.models.base import Artefact, Model, Snapshot
from capflow_assets.models.prediction import prediction_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ALL_FAMILIES = ("boosting", "forest", "linear")


class TabularModel(Model):
    """A model of one number of each shopper, a probability or a value, from features, by an ensemble of families.

    A subclass says whom it is about (`population`), what came true (`outcome`) and what it is held against. A unit may
    have more columns than the shopper, such as the channel: each of their values becomes a column of its own. Values
    are held `within` two bounds, and learned as multiples of what each unit usually has, where a subclass knows that
    (`multiple_of`, by what it has `prepared`); a subclass with `extras` tells them by `further`.
    """

    method = (
        "gradient boosting (LightGBM, Ke et al. 2017), a random forest (Breiman 2001) and logistic regression, blended "
        "by ensemble selection (Caruana et al. 2004); probabilities by Platt (1999)"
    )
    objective: ClassVar[Objective]
    parameters: ClassVar[Mapping[str, Any]] = {**trees.PARAMETERS, "families": list(ALL_FAMILIES)}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = trees.SEARCH_SPACE
    chooses_features: ClassVar[bool] = True
    within: ClassVar[tuple[float, float]] = (-inf, inf)

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """The units to predict, sorted: by default every shopper with features."""
        return snapshot.features[["user_id"]]

    def fit(self, train: Sequence[Snapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """The families on all past dates; their weights and the calibration from the latest, told by the earlier."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, levels = numeric_columns(ordered[-1].features), self._levels(ordered)
        own = self.prepared(ordered)
        parts = [self._rows(snapshot, columns, levels, own) for snapshot in ordered]
        self._require_difference(ordered[-1], parts)
        fitted = ensemble.fit([part for part in parts if len(part)], self.objective, parameters, seed)
        facts = {
            "ensemble": dict(fitted.facts),
            "levels": levels,
            "phrases": phrases(self.features, columns),
            "rows": sum(len(part) for part in parts),
            **own,
            "mean_outcome": fsum(value for part in parts for value in part.target) / sum(len(part) for part in parts),
        }
        return Artefact(files=dict(fitted.files), columns=columns, facts={**facts, **self.decided(parameters)})

    def decided(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What follows from the retailer's own settings, kept with the version: whom it pays to contact."""
        price, value = parameters.get("price_of_contact"), parameters.get("value_of_success")
        if self.objective != "binary" or not price or not value:
            return {}
        told = (
            f"contact pays from a probability of {price / value:.3g}: {price:g} for a contact, {value:g} for a success"
        )
        return {"decision": {"threshold": price / value, "rule": told}}

    def prepared(self, train: Sequence[Snapshot]) -> dict[str, Any]:
        """Facts that the model learns by itself before the families learn: by default none."""
        return {}

    def multiple_of(self, facts: Mapping[str, Any], snapshot: Snapshot, units: pd.DataFrame) -> np.ndarray | float:
        """In multiples of what, above 0, the value of each of `units` is learned: by default of 1."""
        return 1.0

    def further(
        self, artefact: Artefact, snapshot: Snapshot, units: pd.DataFrame, answer: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """The `extras` of each of `units`, rows of the population, from the answer for them."""
        return {}

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """The probability or value of each unit of the population, with what pushed it most."""
        units, matrix = self._asked(artefact, snapshot)
        fitted = self._fitted(artefact)
        texts = self._texts(artefact)
        reasons = strongest(fitted.pushes(matrix), matrix, list(texts), texts)
        return self._frame(artefact, snapshot, units, matrix, reasons)

    def judged(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """As predict, without reasons."""
        units, matrix = self._asked(artefact, snapshot)
        return self._frame(artefact, snapshot, units, matrix, [[] for _ in range(len(units))])

    def tried(
        self, train: Sequence[Snapshot], later: Snapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """What boosting alone says of `later`: enough to compare settings and columns by."""
        import numpy as np
        import pandas as pd

        columns, levels = numeric_columns(later.features), self._levels(train)
        own = self.prepared(train)
        parts = [self._rows(snapshot, columns, levels, own) for snapshot in train]
        past = Rows(np.concatenate([p.matrix for p in parts]), np.concatenate([p.target for p in parts]))
        rows = self._rows(later, columns, levels, own)
        assert later.outcome is not None
        units = later.outcome[list(self.unit)].reset_index(drop=True)
        answer = ensemble.tried(past, rows, self.objective, parameters, seed) * self.multiple_of(own, later, units)
        answer = np.clip(answer, *self.within)
        return pd.concat([units, pd.Series(answer, name="score" if self.task == "binary" else "value")], axis=1)

    def _fitted(self, artefact: Artefact) -> ensemble.Ensemble:
        return ensemble.Ensemble(artefact.files, artefact.facts["ensemble"])

    def _frame(
        self, artefact: Artefact, snapshot: Snapshot, units: pd.DataFrame, matrix: np.ndarray, reasons: list[list[str]]
    ) -> pd.DataFrame:
        import numpy as np

        answer = self._fitted(artefact).answer(matrix) * self.multiple_of(artefact.facts, snapshot, units)
        answer = np.clip(answer, *self.within)
        name = "score" if self.task == "binary" else "value"
        columns = {column: units[column] for column in self.unit}
        further = self.further(artefact, snapshot, units, answer)
        return prediction_frame(self, {**columns, name: answer, **further, "reasons": reasons})

    def _asked(self, artefact: Artefact, snapshot: Snapshot) -> tuple[pd.DataFrame, np.ndarray]:
        missing = sorted(set(artefact.columns) - set(snapshot.features.columns))
        if missing:
            raise ValueError(
                f"{self.name} for {snapshot.customer!r} was fitted on features that are not there any more: "
                f"{', '.join(missing)}.\nTrain it again, or bring back the feature sets that it was fitted on."
            )
        units = self.population(snapshot).reset_index(drop=True)
        return units, _matrix(snapshot.features, units, artefact.columns, artefact.facts["levels"])

    def _rows(
        self,
        snapshot: Snapshot,
        columns: Sequence[str],
        levels: Mapping[str, Sequence[str]],
        own: Mapping[str, Any],
    ) -> Rows:
        if snapshot.outcome is None:
            raise ValueError(f"{self.name} cannot be fitted on the snapshot of {snapshot.as_of}: it has no outcome.")
        units, truth = snapshot.outcome[list(self.unit)], snapshot.outcome[snapshot.outcome.columns[-1]]
        target = truth.to_numpy(dtype="float64") / self.multiple_of(own, snapshot, units)
        return Rows(_matrix(snapshot.features, units, columns, levels), target)

    def _levels(self, train: Sequence[Snapshot]) -> dict[str, list[str]]:
        """The values of the unit's other columns, each to be a column of its own."""
        told = [snapshot.outcome for snapshot in train if snapshot.outcome is not None]
        return {
            name: sorted({str(value) for outcome in told for value in outcome[name].unique()}) for name in self.unit[1:]
        }

    def _texts(self, artefact: Artefact) -> dict[str, str]:
        """The words for each column of the matrix."""
        words = {column: artefact.facts["phrases"][column] for column in artefact.columns}
        return words | {
            f"{name}={level}": f"{name.replace('_', ' ')} is {_plain(level)}"
            for name, values in artefact.facts["levels"].items()
            for level in values
        }

    def _require_difference(self, latest: Snapshot, parts: Sequence[Rows]) -> None:
        import numpy as np

        targets = np.concatenate([part.target for part in parts])
        if len(np.unique(targets)) < 2:
            raise ValueError(f"{self.name} for {latest.customer!r}: all {len(targets):,} training rows are alike.")


def numeric_columns(features: pd.DataFrame) -> tuple[str, ...]:
    """The columns of `features` that a model can learn from, sorted by name."""
    numbers = features.select_dtypes(["number", "bool"]).columns
    return tuple(sorted(str(name) for name in numbers if name != "user_id"))


def _matrix(
    features: pd.DataFrame, units: pd.DataFrame, columns: Sequence[str], levels: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """Units x columns, NaN where a shopper has no such feature; then 1 or 0 for each level."""
    import numpy as np

    known = features.set_index("user_id")[list(columns)].reindex(units["user_id"])
    numbers = known.to_numpy(dtype="float64", na_value=float("nan"))
    flags = [(units[name].astype(str).to_numpy() == level) for name, values in levels.items() for level in values]
    return np.column_stack([numbers, *flags]) if flags else numbers


def _plain(text: str) -> str:
    """A retailer's own word inside a phrase: its braces are no places to fill in."""
    return text.replace("{", "(").replace("}", ")")
