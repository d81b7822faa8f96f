"""Uplift: how much likelier a shopper is to buy because of a contact, learned from treatment and control.

Three ways to tell the effect are learned: the doubly robust learner (Kennedy 2023, Towards optimal doubly robust
estimation of heterogeneous causal effects) by ridge regression and by boosted trees, and the T-learner (Künzel et al.
2019, Metalearners for estimating heterogeneous treatment effects) by ridge regression; one of boosted trees was the
best of the four in none of our simulations.

Their say comes from how well they tell the doubly robust effects of rows that they had not seen: those of the later
dates, told by the earlier, or of folds where there is one date alone. It is stacked regression (Breiman 1996, weights
of 0 and more) that is held to an equal say as strongly as the noise demands, so that few rows average them and many
rows choose among them.

econml, causalml and scikit-uplift hold such learners too. They are no dependencies: econml brings numba, statsmodels
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
LEAST_CHANCE = 0.05  # whoever is likelier than 95 % to be contacted, or not, tells little: no row counts over 20 times
EQUAL_SAY_SPREAD = 0.25  # how far from an equal say a weight is thought to lie, before the data are seen
PARAMETERS: Mapping[str, Any] = {**TREES, "num_leaves": 4, "trees": 60, "min_data_in_leaf": 200}
"""Of effects, which are small and noisy, few and shallow trees with large leaves."""

BASES = ("linear", "boosting")
WAYS = ("doubly_robust_linear", "doubly_robust_boosting", "two_models_linear")


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

    def answer(self, matrix: np.ndarray) -> np.ndarray:
        """Return the extra probability to buy of each row, -1 to 1."""
        import numpy as np

        total = np.full(len(matrix), self.facts["effect"])
        for way, weight in self.facts["weights"].items():
            total += weight * (_predict_effect(self.files, way, matrix) - self.facts["centres"][way])
        return np.clip(total, -1.0, 1.0)

    def pushes(self, matrix: np.ndarray) -> np.ndarray:
        """Return what each column adds to the extra probability, rows x columns."""
        import numpy as np

        total = np.zeros(matrix.shape)
        for way, weight in self.facts["weights"].items():
            for name, sign in _parts(way):
                total += sign * weight * LEARNERS[_base(way)].pushes(self.files[name], matrix)[:, :-1]
        return total


def fit(parts: Sequence[TreatmentRows], parameters: Mapping[str, Any], seed: int) -> Uplift:
    """Fit the effect on `parts`, the rows of each training date, the oldest first.

    Raises ValueError where fewer than 20 people were contacted, or held back, or where all or none of them bought.
    """
    import numpy as np

    _require_both_kinds(_concatenate(parts))
    ordered = [_canonicalise(part) for part in parts if len(part)]
    whole = _concatenate(ordered)
    effects = doubly_robust(whole, parameters, seed)
    seen = np.zeros(len(whole), dtype=bool)
    told = np.zeros((len(whole), len(WAYS)))
    for past, later in _out_of_sample_splits(ordered, seed):
        files = _fit_estimators(whole.take(past), effects[past], parameters, seed)
        found = np.column_stack([_predict_effect(files, way, whole.matrix[later]) for way in WAYS])
        told[later], seen[later] = found - found.mean(axis=0), True
    weights = stacking_weights(told[seen], effects[seen] - effects[seen].mean())
    files = _fit_estimators(whole, effects, parameters, seed)
    chosen = {way: float(weight) for way, weight in zip(WAYS, weights, strict=True) if weight > 0}
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


def doubly_robust(trial: TreatmentRows, parameters: Mapping[str, Any], seed: int) -> np.ndarray:
    """Return one noisy effect per row: unbiased if either the propensity or the outcome model is correct.

    What one expects of a row, contacted or not, and its chance to be contacted come from models that have not seen it.
    The chance is a ridge regression's: where a lot chose, it is held back to the lot's own. The mean of the effects is
    the average effect. Source: Robins, Rotnitzky & Zhao (1994); Kennedy (2023).
    """
    import numpy as np

    fold = folds(trial, seed)
    if_contacted, if_not, chance = np.zeros(len(trial)), np.zeros(len(trial)), np.zeros(len(trial))
    for k in range(FOLDS):
        others, asked = trial.take(np.flatnonzero(fold != k)), trial.matrix[fold == k]
        if_contacted[fold == k] = _predict_purchase(others.arm(1), asked, parameters, seed)
        if_not[fold == k] = _predict_purchase(others.arm(0), asked, parameters, seed)
        lot = LEARNERS["linear"].fit(Rows(others.matrix, others.treated), "mean", parameters, seed)
        chance[fold == k] = LEARNERS["linear"].raw(lot, asked)
    chance = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
    surprise = np.where(trial.treated == 1, trial.label - if_contacted, trial.label - if_not)
    weight = np.where(trial.treated == 1, 1 / chance, -1 / (1 - chance))
    return if_contacted - if_not + weight * surprise


def stacking_weights(told: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return the stacking weight of each estimator, 0 or more, from out-of-sample predictions and noisy effects.

    The least squares of `effects`, with a normal prior around an equal say of all ways. Where nothing is to be told
    apart the equal say stays. Both must have a mean of 0.
    """
    import numpy as np
    from scipy.optimize import nnls

    ways = told.shape[1]
    pull = float(effects.std()) / EQUAL_SAY_SPREAD
    design = np.vstack([told, pull * np.eye(ways)])
    return nnls(design, np.append(effects, np.full(ways, pull / ways)))[0]


def folds(trial: TreatmentRows, seed: int) -> np.ndarray:
    """Return a random fold per row, stratified by treatment and purchase."""
    import numpy as np

    lot = np.random.default_rng(seed).permutation(len(trial))
    kinds = lot[np.argsort((2 * trial.treated + trial.label)[lot], kind="stable")]
    fold = np.empty(len(trial), dtype=int)
    fold[kinds] = np.arange(len(trial)) % FOLDS
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
    trial: TreatmentRows, effects: np.ndarray, parameters: Mapping[str, Any], seed: int
) -> dict[str, bytes]:
    arms = {"doubly_robust": [Rows(trial.matrix, effects)], "two_models": [trial.arm(1), trial.arm(0)]}
    return {
        name: LEARNERS[_base(way)].fit(rows, "mean", parameters, seed)
        for way in WAYS
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

    told = [LEARNERS[base].raw(LEARNERS[base].fit(rows, "mean", parameters, seed), matrix) for base in BASES]
    return np.clip(np.mean(told, axis=0), 0.0, 1.0)


def _canonicalise(trial: TreatmentRows) -> TreatmentRows:
    """Return the rows in an order that depends on their contents only."""
    import numpy as np

    return trial.take(np.lexsort([*trial.matrix.T[::-1], trial.label, trial.treated]))


def _concatenate(parts: Sequence[TreatmentRows]) -> TreatmentRows:
    import numpy as np

    return TreatmentRows(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("matrix", "treated", "label"))
    )


def _is_enough(trial: TreatmentRows) -> bool:
    arms = trial.arm(1).target, trial.arm(0).target
    return all(len(arm) >= LEAST_OF_A_KIND for arm in arms) and 0 < trial.label.mean() < 1


def _require_both_kinds(trial: TreatmentRows) -> None:
    if _is_enough(trial):
        return
    contacted, held, bought = int(trial.treated.sum()), int((1 - trial.treated).sum()), int(trial.label.sum())
    raise ValueError(
        f"{contacted:,} people were contacted and {held:,} held back, of whom {bought:,} bought: to tell what contact "
        f"changes takes {LEAST_OF_A_KIND} of each kind, and some who bought and some who did not."
    )
