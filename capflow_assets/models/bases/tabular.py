"""The base of every model that learns from a table of shoppers' features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, inf
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from capflow_assets.contract.model import Artefact, NothingToLearnError, Poolable
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods.ensemble import ensemble, pooled
from capflow_assets.methods.ensemble.feature_matrix import feature_matrix, numeric_columns, require_columns
from capflow_assets.methods.ensemble.learners import RULE, Objective, Rows, trees
from capflow_assets.methods.phrases import feature_phrases, strongest_reasons
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ALL_FAMILIES = ("boosting", "forest", "linear")


class Predictor(Protocol):
    """A fitted method."""

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probability or value of each row."""

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Return what each column adds to each row's answer, rows x columns."""


class TabularModel(Poolable):
    """Predict one number per unit, a probability or a value, from features by an ensemble of learner families.

    A subclass defines `population`, `outcome`, `baseline` and `objective`. A unit may have more columns than the user,
    such as the channel: they are one-hot encoded. Predictors beyond the shopper's features are computed by `measure`;
    `measures` maps each to its phrase for reasons. `rule` may name one of them that is a probability by itself: it
    joins the learners of the ensemble. Predictions are clipped to `within`; a subclass with `extras` overrides
    `extra_columns`. A `poolable` subclass predicts each shopper from that shopper alone.
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
    renamed_methods: ClassVar[Mapping[str, str]] = {
        **Poolable.renamed_methods,
        "asked": "units_to_predict",
        "measured": "measure",
        "decided": "decision_facts",
        "further": "extra_columns",
    }

    def population(self, snapshot: Snapshot) -> pd.DataFrame:
        """Return the units to predict, sorted: by default every shopper with features."""
        return snapshot.features[["user_id"]]

    def units_to_predict(self, snapshot: Snapshot, learned: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Return the population, given the values of the unit's other columns that the model was fitted on."""
        return self.population(snapshot)

    def background(self, past: Sequence[Snapshot]) -> dict[str, Any]:
        """Return what `measure` needs from all shoppers' past (oldest date first), as JSON facts of the version."""
        return {}

    def measure(self, snapshot: Snapshot, units: pd.DataFrame, background: Mapping[str, Any]) -> pd.DataFrame:
        """Return the columns of `measures` for these units, in their order; NaN where there is nothing to measure."""
        return units[[]]

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit each learner on all training dates; learn blend weights and calibration on the latest, out of sample."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, facts = numeric_columns(ordered[-1].features), self._matrix_facts(ordered)
        parts = [self._rows(snapshot, columns, facts) for snapshot in ordered]
        self._require_difference(ordered[-1], parts)
        return self._fit_parts(parts, columns, facts, parameters, seed)

    def contribute(self, train: Sequence[LabelledSnapshot], seed: int) -> bytes:
        """Return past rows without ids, each value as its rank (0 to 1) among the customer's own shoppers."""
        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, facts = numeric_columns(ordered[-1].features), {"background": self.background(ordered)}
        parts = [self._rows(snapshot, columns, facts) for snapshot in ordered]
        return pooled.build_contribution(parts, (*columns, *self.measures), seed).to_bytes()

    def fit_pooled(
        self, contributions: Mapping[str, bytes], snapshot: Snapshot, parameters: Mapping[str, Any], seed: int
    ) -> Artefact:
        """Fit on others' contributions; from this customer use only the rank of each value, as of `snapshot`."""
        columns, facts = numeric_columns(snapshot.features), {"levels": {}, "background": self.background([snapshot])}
        own = self._matrix(snapshot, self.population(snapshot).reset_index(drop=True), columns, facts)
        given = {name: pooled.Contribution.from_bytes(content) for name, content in contributions.items()}
        rows = pooled.stack_contributions(given, (*columns, *self.measures))
        families = [name for name in parameters["families"] if name != RULE.name]  # a rank is no probability
        settings = {**parameters, "families": families}
        return self._fit_parts(rows, columns, {**facts, "grid": pooled.quantile_grids(own)}, settings, seed)

    def decision_facts(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts that follow from the retailer's settings: from which probability a contact pays."""
        price, value = parameters.get("price_of_contact"), parameters.get("value_of_success")
        if self.objective != "binary" or not price or not value:
            return {}
        rule = (
            f"contact pays from a probability of {price / value:.3g}: {price:g} for a contact, {value:g} for a success"
        )
        return {"decision": {"threshold": price / value, "rule": rule}}

    def extra_columns(
        self, artefact: Artefact, snapshot: Snapshot, units: pd.DataFrame, answer: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """Return the columns of `extras` for `units` (rows of the population), given their predicted values."""
        return {}

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Predict the probability or value of each unit, with the features that moved it most as reasons."""
        import pandas as pd

        prediction, matrix = self._predict_with_matrix(artefact, snapshot)
        prediction["reasons"] = pd.Series(self.reasons(artefact, prediction, matrix), dtype="object")
        return prediction

    def reasons(self, artefact: Artefact, prediction: pd.DataFrame, matrix: np.ndarray) -> list[list[str]]:
        """Return the strongest contributions to each row of the prediction, in words; `matrix` has the same rows."""
        texts = self._column_phrases(artefact)
        contributions = self._predictor(artefact).contributions(_rank_if_pooled(artefact, matrix))
        return strongest_reasons(contributions, matrix, list(texts), texts)

    def predict_quickly(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Predict without reasons."""
        return self._predict_with_matrix(artefact, snapshot)[0]

    def fit_and_predict_quickly(
        self, train: Sequence[LabelledSnapshot], later: LabelledSnapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """Fit boosting alone and predict `later`: enough to compare parameters and columns."""
        import numpy as np
        import pandas as pd

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        columns, facts = numeric_columns(later.features), self._matrix_facts(ordered)
        parts = [self._rows(snapshot, columns, facts) for snapshot in ordered]
        past = Rows(np.concatenate([p.matrix for p in parts]), np.concatenate([p.target for p in parts]))
        rows = self._rows(later, columns, facts)
        answer = np.clip(ensemble.quick_predict(past, rows, self.objective, parameters, seed), *self.within)
        units = later.outcome[list(self.unit)].reset_index(drop=True)
        return pd.concat([units, pd.Series(answer, name="score" if self.task == "binary" else "value")], axis=1)

    def _predictor(self, artefact: Artefact) -> Predictor:
        return ensemble.Ensemble(artefact.files, artefact.facts["ensemble"])

    def _fit_parts(
        self,
        parts: Sequence[Rows],
        columns: tuple[str, ...],
        matrix_facts: Mapping[str, Any],
        parameters: Mapping[str, Any],
        seed: int,
    ) -> Artefact:
        """Fit the ensemble on the rows of each date, oldest first."""
        settings = {**parameters, "rule_column": self._rule_column(columns)}
        fitted = ensemble.fit([part for part in parts if len(part)], self.objective, settings, seed)
        count = sum(len(part) for part in parts)
        facts = {
            "ensemble": dict(fitted.facts),
            "phrases": {**feature_phrases(self.features, columns), **self.measures},
            "rows": count,
            "mean_outcome": fsum(value for part in parts for value in part.target) / count,
            **matrix_facts,
            **self.decision_facts(parameters),
        }
        return Artefact(files=dict(fitted.files), columns=columns, facts=facts)

    def _predict_with_matrix(self, artefact: Artefact, snapshot: Snapshot) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the prediction without reasons and the matrix that it was made from."""
        import numpy as np

        units, matrix = self._units_and_matrix(artefact, snapshot)
        answer = np.clip(self._predictor(artefact).predict(_rank_if_pooled(artefact, matrix)), *self.within)
        columns = {column: units[column] for column in self.unit}
        columns["value" if self.task == "regression" else "score"] = answer
        extras = self.extra_columns(artefact, snapshot, units, answer)
        return prediction_frame(self, {**columns, **extras}), matrix

    def _units_and_matrix(self, artefact: Artefact, snapshot: Snapshot) -> tuple[pd.DataFrame, np.ndarray]:
        require_columns(snapshot, artefact.columns)
        units = self.units_to_predict(snapshot, artefact.facts["levels"]).reset_index(drop=True)
        return units, self._matrix(snapshot, units, artefact.columns, artefact.facts)

    def _matrix_facts(self, train: Sequence[LabelledSnapshot]) -> dict[str, Any]:
        """Return the facts that `_matrix` needs: the levels of the unit's other columns, and the background."""
        return {"levels": self._levels(train), "background": self.background(train)}

    def _rows(self, snapshot: LabelledSnapshot, columns: Sequence[str], facts: Mapping[str, Any]) -> Rows:
        units, truth = snapshot.outcome[list(self.unit)], snapshot.outcome[snapshot.outcome.columns[-1]]
        return Rows(self._matrix(snapshot, units, columns, facts), truth.to_numpy(dtype="float64"))

    def _matrix(
        self, snapshot: Snapshot, units: pd.DataFrame, columns: Sequence[str], facts: Mapping[str, Any]
    ) -> np.ndarray:
        """Return units x (feature columns, `measures`, one-hot levels); NaN where a shopper lacks a feature."""
        import numpy as np

        numbers = feature_matrix(snapshot, units["user_id"], columns)
        measured = self.measure(snapshot, units, facts.get("background", {}))
        own, levels = measured[list(self.measures)].to_numpy(dtype="float64"), facts.get("levels", {})
        flags = [(units[name].astype(str).to_numpy() == level) for name, values in levels.items() for level in values]
        return np.column_stack([numbers, own, *flags])

    def _rule_column(self, columns: Sequence[str]) -> int | None:
        """Return the position of the rule's probability in the matrix, None without a rule."""
        return len(columns) + list(self.measures).index(self.rule) if self.rule else None

    def _levels(self, train: Sequence[LabelledSnapshot]) -> dict[str, list[str]]:
        """Return the values of the unit's other columns, for one-hot encoding."""
        outcomes = [snapshot.outcome for snapshot in train]
        return {
            name: sorted({str(value) for outcome in outcomes for value in outcome[name].unique()})
            for name in self.unit[1:]
        }

    def _column_phrases(self, artefact: Artefact) -> dict[str, str]:
        """Return the phrase of each column of the matrix."""
        texts = {column: artefact.facts["phrases"][column] for column in (*artefact.columns, *self.measures)}
        return texts | {
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


def _rank_if_pooled(artefact: Artefact, matrix: np.ndarray) -> np.ndarray:
    """Return the matrix as the model was fitted on it: a pooled one on ranks, not values."""
    grids = artefact.facts.get("grid")
    return matrix if grids is None else pooled.percentile_ranks(matrix, grids)


def _plain(text: str) -> str:
    """Return a retailer's own word for use in a phrase: its braces must not be filled in by `format`."""
    return text.replace("{", "(").replace("}", ")")
