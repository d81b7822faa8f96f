"""Uplift: how much likelier a shopper is to buy because of a contact, learned from treatment and control.

Three estimators of the effect are fitted: the doubly robust learner (Kennedy 2023, Towards optimal doubly robust
estimation of heterogeneous causal effects) by ridge regression and by boosted trees, and the T-learner (Künzel et al.
2019, Metalearners for estimating heterogeneous treatment effects) by ridge regression; one of boosted trees was the
best of the four in none of our simulations.

Their weights come from how well they predict the doubly robust effects out of sample: those of later dates from the
earlier ones, or of folds if there is one date only. It is stacked regression (Breiman 1996, non-negative weights),
shrunk to equal weights as strongly as the noise demands, so that few rows average the estimators and many rows choose
among them.

econml, causalml and scikit-uplift have such learners too. They are not dependencies: econml brings numba, statsmodels
and shap, causalml these and more, even a code formatter, and scikit-uplift has had no release since 2022.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.ensemble.learners import LEARNERS, Rows
from capflow_assets.methods.ensemble.learners.trees import PARAMETERS as TREES

if TYPE_CHECKING:
    import numpy as np

FOLDS = 5
LEAST_OF_A_KIND = 20
LEAST_PROPENSITY = 0.05  # propensities are clipped to 5-95 %, so that no row counts more than 20 times
EQUAL_WEIGHT_SPREAD = 0.25  # prior standard deviation of a weight around equal weights
PARAMETERS: Mapping[str, Any] = {**TREES, "num_leaves": 4, "trees": 60, "min_data_in_leaf": 200}
"""Few and shallow trees with large leaves, because effects are small and noisy."""

BASES = ("linear", "boosting")
ESTIMATORS = ("doubly_robust_linear", "doubly_robust_boosting", "two_models_linear")


@dataclass(frozen=True)
class TreatmentRows:
    """Who was contacted (`treated` 1) or held back (0), and who then bought (`label`); one row of `matrix` each."""

    matrix: np.ndarray
    treated: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: np.ndarray) -> TreatmentRows:
        """Return some of the rows."""
        return TreatmentRows(self.matrix[rows], self.treated[rows], self.label[rows])

    def arm(self, treated: int) -> Rows:
        """Return those contacted (1) or held back (0), with whether they bought."""
        chosen = self.treated == treated
        return Rows(self.matrix[chosen], self.label[chosen])


@dataclass(frozen=True)
class Uplift:
    """A fitted effect: the bytes of each estimator's models by name, and facts: weights, the mean effect."""

    files: Mapping[str, bytes]
    facts: Mapping[str, Any]

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the extra probability to buy of each row, -1 to 1."""
        import numpy as np

        total = np.full(len(matrix), self.facts["effect"])
        for way, weight in self.facts["weights"].items():
            total += weight * (_predict_effect(self.files, way, matrix) - self.facts["centres"][way])
        return np.clip(total, -1.0, 1.0)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Return what each column adds to the extra probability, rows x columns."""
        import numpy as np

        total = np.zeros(matrix.shape)
        for way, weight in self.facts["weights"].items():
            for name, sign in _parts(way):
                total += sign * weight * LEARNERS[_base(way)].contributions(self.files[name], matrix)[:, :-1]
        return total


def fit(parts: Sequence[TreatmentRows], parameters: Mapping[str, Any], seed: int) -> Uplift:
    """Fit the effect on `parts`, the rows of each training date, the oldest first.

    Raises ValueError if fewer than 20 people were contacted, or held back, or if all or none of them bought.
    """
    import numpy as np

    _require_both_kinds(_concatenate(parts))
    ordered = [_canonicalise(part) for part in parts if len(part)]
    whole = _concatenate(ordered)
    effects = doubly_robust(whole, parameters, seed)
    seen = np.zeros(len(whole), dtype=bool)
    predictions = np.zeros((len(whole), len(ESTIMATORS)))
    for past, later in _out_of_sample_splits(ordered, seed):
        files = _fit_estimators(whole.take(past), effects[past], parameters, seed)
        found = np.column_stack([_predict_effect(files, way, whole.matrix[later]) for way in ESTIMATORS])
        predictions[later], seen[later] = found - found.mean(axis=0), True
    weights = stacking_weights(predictions[seen], effects[seen] - effects[seen].mean())
    files = _fit_estimators(whole, effects, parameters, seed)
    chosen = {way: float(weight) for way, weight in zip(ESTIMATORS, weights, strict=True) if weight > 0}
    return Uplift(
        {name: files[name] for way in chosen for name, _ in _parts(way)},
        {
            "weights": chosen,
            "centres": {way: float(_predict_effect(files, way, whole.matrix).mean()) for way in chosen},
            "effect": float(effects.mean()),
            "effect_error": float(effects.std(ddof=1) / len(effects) ** 0.5),
            "treated": int(whole.treated.sum()),
            "control": int((1 - whole.treated).sum()),
        },
    )


def doubly_robust(data: TreatmentRows, parameters: Mapping[str, Any], seed: int) -> np.ndarray:
    """Return one noisy effect per row: unbiased if either the propensity or the outcome model is correct.

    Outcome and propensity are cross-fitted: they come from models that have not seen the row. The propensity is a ridge
    regression, which shrinks to the overall share if contacts were randomised. The mean of the effects is the average
    treatment effect. Source: Robins, Rotnitzky & Zhao (1994); Kennedy (2023).
    """
    import numpy as np

    fold = folds(data, seed)
    if_contacted, if_not, propensity = np.zeros(len(data)), np.zeros(len(data)), np.zeros(len(data))
    for k in range(FOLDS):
        others, test = data.take(np.flatnonzero(fold != k)), data.matrix[fold == k]
        if_contacted[fold == k] = _predict_purchase(others.arm(1), test, parameters, seed)
        if_not[fold == k] = _predict_purchase(others.arm(0), test, parameters, seed)
        treatment = LEARNERS["linear"].fit(Rows(others.matrix, others.treated), "mean", parameters, seed)
        propensity[fold == k] = LEARNERS["linear"].raw(treatment, test)
    propensity = np.clip(propensity, LEAST_PROPENSITY, 1 - LEAST_PROPENSITY)
    surprise = np.where(data.treated == 1, data.label - if_contacted, data.label - if_not)
    weight = np.where(data.treated == 1, 1 / propensity, -1 / (1 - propensity))
    return if_contacted - if_not + weight * surprise


def stacking_weights(predictions: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return the stacking weight of each estimator, 0 or more, from out-of-sample predictions and noisy effects.

    Non-negative least squares of `effects` (rows) on `predictions` (rows x estimators), with a normal prior around
    equal weights, which stay if nothing distinguishes the estimators. Both must have a mean of 0.
    """
    import numpy as np
    from scipy.optimize import nnls

    ways = predictions.shape[1]
    pull = float(effects.std()) / EQUAL_WEIGHT_SPREAD
    design = np.vstack([predictions, pull * np.eye(ways)])
    return nnls(design, np.append(effects, np.full(ways, pull / ways)))[0]


def folds(data: TreatmentRows, seed: int) -> np.ndarray:
    """Return a random fold per row, stratified by treatment and purchase."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(data))
    strata = order[np.argsort((2 * data.treated + data.label)[order], kind="stable")]
    fold = np.empty(len(data), dtype=int)
    fold[strata] = np.arange(len(data)) % FOLDS
    return fold


def _out_of_sample_splits(parts: Sequence[TreatmentRows], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of training and test rows: each date after all before it, or folds if that is impossible."""
    import numpy as np

    ends = np.cumsum([len(part) for part in parts])
    pairs = [
        (np.arange(start), np.arange(start, end))
        for start, end in pairwise(ends)
        if _is_enough(_concatenate([part for part, stop in zip(parts, ends, strict=True) if stop <= start]))
    ]
    if pairs:
        return pairs
    fold = folds(_concatenate(parts), seed)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)]


def _fit_estimators(
    data: TreatmentRows, effects: np.ndarray, parameters: Mapping[str, Any], seed: int
) -> dict[str, bytes]:
    arms = {"doubly_robust": [Rows(data.matrix, effects)], "two_models": [data.arm(1), data.arm(0)]}
    return {
        name: LEARNERS[_base(way)].fit(rows, "mean", parameters, seed)
        for way in ESTIMATORS
        for (name, _), rows in zip(_parts(way), arms[way.rpartition("_")[0]], strict=True)
    }


def _parts(way: str) -> list[tuple[str, float]]:
    """Return the models of an estimator by name, and whether their prediction is added or subtracted."""
    if way.startswith("two_models"):
        return [(f"{way}_contacted", 1.0), (f"{way}_held_back", -1.0)]
    return [(way, 1.0)]


def _base(way: str) -> str:
    return way.rpartition("_")[2]


def _predict_effect(files: Mapping[str, bytes], way: str, matrix: np.ndarray) -> np.ndarray:
    import numpy as np

    parts = [sign * LEARNERS[_base(way)].raw(files[name], matrix) for name, sign in _parts(way)]
    return np.sum(parts, axis=0)


def _predict_purchase(rows: Rows, matrix: np.ndarray, parameters: Mapping[str, Any], seed: int) -> np.ndarray:
    """Return the mean probability to buy of both base learners."""
    import numpy as np

    predictions = [LEARNERS[base].raw(LEARNERS[base].fit(rows, "mean", parameters, seed), matrix) for base in BASES]
    return np.clip(np.mean(predictions, axis=0), 0.0, 1.0)


def _canonicalise(data: TreatmentRows) -> TreatmentRows:
    """Return the rows in an order that depends on their contents only."""
    import numpy as np

    return data.take(np.lexsort([*data.matrix.T[::-1], data.label, data.treated]))


def _concatenate(parts: Sequence[TreatmentRows]) -> TreatmentRows:
    import numpy as np

    return TreatmentRows(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("matrix", "treated", "label"))
    )


def _is_enough(data: TreatmentRows) -> bool:
    arms = data.arm(1).target, data.arm(0).target
    return all(len(arm) >= LEAST_OF_A_KIND for arm in arms) and 0 < data.label.mean() < 1


def _require_both_kinds(data: TreatmentRows) -> None:
    if _is_enough(data):
        return
    contacted, held, bought = int(data.treated.sum()), int((1 - data.treated).sum()), int(data.label.sum())
    raise ValueError(
        f"{contacted:,} people were contacted and {held:,} held back, of whom {bought:,} bought: to tell what contact "
        f"changes takes {LEAST_OF_A_KIND} of each kind, and some who bought and some who did not."
    )
