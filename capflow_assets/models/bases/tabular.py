"""Tabular: the base of every model that learns something of shoppers from a table of their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, inf
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from capflow_assets.contract.model import Artefact, NothingToLearnError, Poolable
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.ensemble import ensemble, pooled
from capflow_assets.methods.ensemble.feature_matrix import feature_matrix, numeric_columns, require_columns
from capflow_assets.methods.ensemble.learners import RULE, Objective, Rows, trees
from capflow_assets.methods.phrases import phrases, strongest
from capflow_assets.models.bases.prediction import prediction_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ALL_FAMILIES = ("boosting", "forest", "linear")


class Answers(Protocol):
    """What a fitted method can be asked for: an answer for each row, and what each column adds to it."""

    def answer(self, matrix: np.ndarray) -> np.ndarray:
        """The probability or value of each row."""

    def pushes(self, matrix: np.ndarray) -> np.ndarray:
        """What each column adds, rows x columns."""


class TabularModel(Poolable):
    """A model of one number of each shopper, a probability or a value, from features, by an ensemble of families.

    One that is `poolable` predicts something that means the same at every retailer of a vertical, from a shopper alone.

    A subclass says whom it is about (`population`), what came true (`outcome`) and what it is held against. A unit may
    have more columns than the shopper, such as the channel: each of their values becomes a column of its own. What is
    to be known of a unit beyond the shopper's features is measured by `measured`; `measures` has the phrase of each.
    One of them may be the probability that a rule gives: named by `rule`, it joins the families of the ensemble.
    Values are held `within` two bounds; a subclass with `extras` tells them by `further`.
    """

    method = (
        "gradient boosting (LightGBM, Ke et al. 2017), a random forest (Breiman 2001) and logistic regression, blended "
        "by ensemble selection (Caruana et al. 2004); probabilities by Platt (1999)"
    )
    objective: ClassVar[Objective]
    parameters: ClassVar[Mapping[str, Any]] = {**trees.PARAMETERS, "families": list(ALL_FAMILIES)}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = trees.SEARCH_SPACE
    chooses_features: ClassVar[bool] = True
    measures: ClassVar[Mapping[str, str]] = {}
    rule: ClassVar[str] = ""
    within: ClassVar[tuple[float, float]] = (-inf, inf)

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """The units to predict, sorted: by default every shopper with features."""
        return snapshot.features[["user_id"]]

    def units_to_predict(self, snapshot: Snapshot, learned: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """The population, where it depends on which values of the unit's other columns were learned from."""
        return self.population(snapshot)

    def background(self, past: Sequence[Snapshot]) -> dict[str, Any]:
        """What `measured` has to know of everybody's past, as JSON, oldest date first: it is kept with the version."""
        return {}

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """The columns of `measures` for these units, in their order; NaN where there is nothing to measure."""
        return units[[]]

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """The families on all past dates; their weights and the calibration from the latest, told by the earlier."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, known = numeric_columns(ordered[-1].features), self._known(ordered)
        parts = [self._rows(snapshot, columns, known) for snapshot in ordered]
        self._require_difference(ordered[-1], parts)
        return self._learned(parts, columns, known, parameters, seed)

    def contribution(self, train: Sequence[LabelledSnapshot], seed: int) -> pooled.Contribution:
        """What a customer gives to the pool of its vertical: past rows without ids, as standings among its shoppers."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, known = numeric_columns(ordered[-1].features), {"background": self.background(ordered)}
        parts = [self._rows(snapshot, columns, known) for snapshot in ordered]
        return pooled.contribution(parts, (*columns, *self.measures), seed)

    def fit_pooled(
        self,
        given: Mapping[str, pooled.Contribution],
        snapshot: Snapshot,
        parameters: Mapping[str, Any],
        seed: int,
    ) -> Artefact:
        """Learn from what others gave; of this customer only how its shoppers stand to one another, in `snapshot`."""
        columns, known = numeric_columns(snapshot.features), {"levels": {}, "background": self.background([snapshot])}
        own = self._matrix(snapshot, self.population(snapshot).reset_index(drop=True), columns, known)
        rows = pooled.together(given, (*columns, *self.measures))
        families = [name for name in parameters["families"] if name != RULE.name]  # a standing is no probability
        settings = {**parameters, "families": families}
        return self._learned(rows, columns, {**known, "grid": pooled.grid(own)}, settings, seed)

    def decision_facts(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What follows from the retailer's own settings, kept with the version: whom it pays to contact."""
        price, value = parameters.get("price_of_contact"), parameters.get("value_of_success")
        if self.objective != "binary" or not price or not value:
            return {}
        told = (
            f"contact pays from a probability of {price / value:.3g}: {price:g} for a contact, {value:g} for a success"
        )
        return {"decision": {"threshold": price / value, "rule": told}}

    def extra_columns(
        self, artefact: Artefact, snapshot: Snapshot, units: pd.DataFrame, answer: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """The `extras` of each of `units`, rows of the population, from the answer for them."""
        return {}

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """The probability or value of each unit of the population, with what pushed it most."""
        import pandas as pd

        prediction, matrix = self._answered(artefact, snapshot)
        prediction["reasons"] = pd.Series(self.reasons(artefact, prediction, matrix), dtype="object")
        return prediction

    def reasons(self, artefact: Artefact, prediction: pd.DataFrame, matrix: np.ndarray) -> list[list[str]]:
        """What pushed each row of the prediction most, in words; `matrix` holds what is known of the same rows."""
        texts = self._texts(artefact)
        return strongest(self._fitted(artefact).pushes(_seen(artefact, matrix)), matrix, list(texts), texts)

    def predict_quickly(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """As predict, without reasons."""
        return self._answered(artefact, snapshot)[0]

    def fit_and_predict_quickly(
        self, train: Sequence[LabelledSnapshot], later: LabelledSnapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """What boosting alone says of `later`: enough to compare settings and columns by."""
        import numpy as np
        import pandas as pd

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, known = numeric_columns(later.features), self._known(ordered)
        parts = [self._rows(snapshot, columns, known) for snapshot in ordered]
        past = Rows(np.concatenate([p.matrix for p in parts]), np.concatenate([p.target for p in parts]))
        rows = self._rows(later, columns, known)
        answer = np.clip(ensemble.tried(past, rows, self.objective, parameters, seed), *self.within)
        units = later.outcome[list(self.unit)].reset_index(drop=True)
        return pd.concat([units, pd.Series(answer, name="score" if self.task == "binary" else "value")], axis=1)

    def _fitted(self, artefact: Artefact) -> Answers:
        return ensemble.Ensemble(artefact.files, artefact.facts["ensemble"])

    def _learned(
        self,
        parts: Sequence[Rows],
        columns: tuple[str, ...],
        told: Mapping[str, Any],
        parameters: Mapping[str, Any],
        seed: int,
    ) -> Artefact:
        """The ensemble of the rows of each date, the oldest first, with what is `told` of how its matrix is made."""
        settings = {**parameters, "rule_column": self._rule_column(columns)}
        fitted = ensemble.fit([part for part in parts if len(part)], self.objective, settings, seed)
        count = sum(len(part) for part in parts)
        facts = {
            "ensemble": dict(fitted.facts),
            "phrases": {**phrases(self.features, columns), **self.measures},
            "rows": count,
            "mean_outcome": fsum(value for part in parts for value in part.target) / count,
            **told,
            **self.decision_facts(parameters),
        }
        return Artefact(files=dict(fitted.files), columns=columns, facts=facts)

    def _answered(self, artefact: Artefact, snapshot: Snapshot) -> tuple[pd.DataFrame, np.ndarray]:
        """The prediction without reasons, and what is known of each of its rows."""
        import numpy as np

        units, matrix = self._asked(artefact, snapshot)
        answer = np.clip(self._fitted(artefact).answer(_seen(artefact, matrix)), *self.within)
        columns = {column: units[column] for column in self.unit}
        columns["value" if self.task == "regression" else "score"] = answer
        further = self.extra_columns(artefact, snapshot, units, answer)
        return prediction_frame(self, {**columns, **further}), matrix

    def _asked(self, artefact: Artefact, snapshot: Snapshot) -> tuple[pd.DataFrame, np.ndarray]:
        require_columns(snapshot, artefact.columns)
        units = self.units_to_predict(snapshot, artefact.facts["levels"]).reset_index(drop=True)
        return units, self._matrix(snapshot, units, artefact.columns, artefact.facts)

    def _known(self, train: Sequence[LabelledSnapshot]) -> dict[str, Any]:
        """What is kept with the version of how a matrix is made: the values of the unit's columns, the background."""
        return {"levels": self._levels(train), "background": self.background(train)}

    def _rows(self, snapshot: LabelledSnapshot, columns: Sequence[str], known: Mapping[str, Any]) -> Rows:
        units, truth = snapshot.outcome[list(self.unit)], snapshot.outcome[snapshot.outcome.columns[-1]]
        return Rows(self._matrix(snapshot, units, columns, known), truth.to_numpy(dtype="float64"))

    def _matrix(
        self, snapshot: Snapshot, units: pd.DataFrame, columns: Sequence[str], known: Mapping[str, Any]
    ) -> np.ndarray:
        """Units x columns, NaN where a shopper has no such feature; then `measures`; then 1 or 0 for each level."""
        import numpy as np

        numbers = feature_matrix(snapshot, units["user_id"], columns)
        measured = self.measure(snapshot, units, known.get("background", {}))
        own, levels = measured[list(self.measures)].to_numpy(dtype="float64"), known.get("levels", {})
        flags = [(units[name].astype(str).to_numpy() == level) for name, values in levels.items() for level in values]
        return np.column_stack([numbers, own, *flags])

    def _rule_column(self, columns: Sequence[str]) -> int | None:
        """Where the rule's probability stands in the matrix."""
        return len(columns) + list(self.measures).index(self.rule) if self.rule else None

    def _levels(self, train: Sequence[LabelledSnapshot]) -> dict[str, list[str]]:
        """The values of the unit's other columns, each to be a column of its own."""
        outcomes = [snapshot.outcome for snapshot in train]
        return {
            name: sorted({str(value) for outcome in outcomes for value in outcome[name].unique()})
            for name in self.unit[1:]
        }

    def _texts(self, artefact: Artefact) -> dict[str, str]:
        """The words for each column of the matrix."""
        words = {column: artefact.facts["phrases"][column] for column in (*artefact.columns, *self.measures)}
        return words | {
            f"{name}={level}": f"{name.replace('_', ' ')} is {_plain(level)}"
            for name, values in artefact.facts["levels"].items()
            for level in values
        }

    def _require_difference(self, latest: Snapshot, parts: Sequence[Rows]) -> None:
        import numpy as np

        targets = np.concatenate([part.target for part in parts])
        if len(np.unique(targets)) < 2:
            raise NothingToLearnError(
                f"{self.name} for {latest.customer!r}: all {len(targets):,} training rows are alike."
            )


def _seen(artefact: Artefact, matrix: np.ndarray) -> np.ndarray:
    """The matrix as the model was fitted on it: a pooled one knows standings, not values."""
    grids = artefact.facts.get("grid")
    return matrix if grids is None else pooled.standing(matrix, grids)


def _plain(text: str) -> str:
    """A retailer's own word inside a phrase: its braces are no places to fill in."""
    return text.replace("{", "(").replace("}", ")")
