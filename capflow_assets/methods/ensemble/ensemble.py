"""Ensemble: several learners of one table, blended and calibrated out of sample on a later date.

Each learner is fitted on the earlier dates and scores the latest one. Blend weights, the number of boosted trees and
the calibration are learned from these out-of-sample scores; learners with a weight are then refitted on everything.

Blending: ensemble selection (Caruana, Niculescu-Mizil, Crew & Ksikes 2004, Ensemble Selection from Libraries of
Models). It starts from the mean of all good members, which a few rows cannot overrule, then adds members one at a time,
with replacement, as long as the loss of the mean decreases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.methods.ensemble import calibration
from capflow_assets.methods.ensemble.learners import (
    LEARNERS,
    TWEEDIE,
    Objective,
    Rows,
    best_number_of_trees,
    canonical_order,
    canonicalise,
    stack,
)

if TYPE_CHECKING:
    import numpy as np

FOLDS = 4
MOST_STEPS = 10
CLEARLY_WORSE = 0.05  # of the best member's loss: such a member is left out
LEAST_GAIN = 1e-3  # of the loss: below that it is chance
RARE, MOST_NEGATIVES = 0.02, 30
MOST_LEVEL = 2.0  # what one season may do to the level of all later ones


@dataclass(frozen=True)
class Ensemble:
    """A fitted ensemble: the bytes of each learner by file name, and facts: weights, trees, calibration."""

    files: Mapping[str, bytes]
    facts: Mapping[str, Any]

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """Return the weighted mean of the learners' raw scores."""
        import numpy as np

        total = np.zeros(len(matrix))
        for name, weight in self.facts["weights"].items():
            total += weight * LEARNERS[name].raw(self.files[LEARNERS[name].file], matrix)
        return total

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the probability (binary) or value of each row."""
        output = _to_output(self.facts["objective"], self.raw(matrix), self.facts.get("calibration"))
        return output * self.facts.get("scale", 1.0)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Return what each column adds to the raw score, rows x columns."""
        import numpy as np

        total = np.zeros((len(matrix), matrix.shape[1]))
        for name, weight in self.facts["weights"].items():
            total += weight * LEARNERS[name].contributions(self.files[LEARNERS[name].file], matrix)[:, :-1]
        return total


def fit(parts: Sequence[Rows], objective: Objective, parameters: Mapping[str, Any], seed: int) -> Ensemble:
    """Fit an ensemble on `parts`, the rows of each training date, the oldest first.

    With one date only, the number of trees is parameters["fixed_trees"] and the scores are out of fold.
    """
    import numpy as np

    scale = _target_scale(parts, objective)
    parts = [_scale_target(part, scale) for part in parts]
    learners = [name for name in parameters["families"] if objective in LEARNERS[name].objectives]
    out_of_sample = _score_latest(parts, objective, learners, parameters, seed)
    if out_of_sample is None:
        out_of_sample = _score_folds(stack(parts), objective, learners, parameters, seed)
    trees, scores, target = out_of_sample
    weights = blend_weights(scores, lambda raw: _loss(objective, raw, target))
    weighted = {name: weight for name, weight in zip(learners, weights, strict=True) if weight > 0}
    facts: dict[str, Any] = {"objective": objective, "weights": weighted, "trees": trees}
    if objective == "tweedie":
        facts["scale"] = scale * _level(np.average(scores, axis=0, weights=weights), target)
    if objective == "binary":
        raw = np.average(scores, axis=0, weights=weights)
        slope, intercept = calibration.fit_platt(raw, target)
        facts["calibration"] = {"slope": slope, "intercept": intercept}
    everything = _undersample(stack(parts), objective)
    settings = {**parameters, "trees": trees}
    files = {LEARNERS[name].file: LEARNERS[name].fit(everything, objective, settings, seed) for name in weighted}
    return Ensemble(files, facts)


def blend_weights(members: Sequence[np.ndarray], loss: Callable[[np.ndarray], float]) -> list[float]:
    """Return the weight of each member, summing to 1; `members` score the same rows, `loss` evaluates a mean."""
    losses = [loss(member) for member in members]
    good = [number for number, one in enumerate(losses) if one <= min(losses) + CLEARLY_WORSE * abs(min(losses))]
    chosen = list(good)
    total = sum((members[number] for number in good[1:]), members[good[0]].copy())
    best = loss(total / len(chosen))
    for _ in range(MOST_STEPS):
        tried = {number: loss((total + members[number]) / (len(chosen) + 1)) for number in good}
        number = min(tried, key=lambda one: tried[one])
        if tried[number] >= best - LEAST_GAIN * abs(best):
            break
        chosen.append(number)
        total, best = total + members[number], tried[number]
    return [chosen.count(number) / len(chosen) for number in range(len(members))]


def quick_predict(
    past: Rows, later: Rows, objective: Objective, parameters: Mapping[str, Any], seed: int
) -> np.ndarray:
    """Predict `later` with boosting fitted on `past` with these parameters: what tuning compares."""
    import numpy as np

    scale = _target_scale([past], objective)
    train, test = canonicalise(_scale_target(_undersample(past, objective), scale)), _scale_target(later, scale)
    order = canonical_order(test)
    _, raw = best_number_of_trees(train, test.take(order), objective, parameters, seed)
    found = np.empty(len(later))
    found[order] = raw
    return _to_output(objective, found, None) * scale


def _target_scale(parts: Sequence[Rows], objective: Objective) -> float:
    """Return the unit in which means are learned: the overall mean, so that the retailer's currency does not matter."""
    return float(stack(parts).target.mean()) or 1.0 if objective == "tweedie" else 1.0


def _level(raw: np.ndarray, target: np.ndarray) -> float:
    """Return actual over predicted total out of sample, clipped: the deviance's best fit does not keep the total."""
    import numpy as np

    level = float(target.mean()) / float(_to_output("tweedie", raw, None).mean())
    return float(np.clip(level, 1 / MOST_LEVEL, MOST_LEVEL))


def _scale_target(rows: Rows, scale: float) -> Rows:
    return rows if scale == 1.0 else Rows(rows.matrix, rows.target / scale)


def _to_output(objective: Objective, raw: np.ndarray, platt: Mapping[str, float] | None) -> np.ndarray:
    import numpy as np

    if objective == "binary":
        fitted = platt or {"slope": 1.0, "intercept": 0.0}
        return calibration.sigmoid(fitted["slope"] * raw + fitted["intercept"])
    return np.exp(np.minimum(raw, 30.0)) if objective == "tweedie" else raw


def _loss(objective: Objective, raw: np.ndarray, target: np.ndarray) -> float:
    import numpy as np

    if objective == "binary":
        slope, intercept = calibration.fit_platt(raw, target)
        logit = slope * raw + intercept
        return float((np.logaddexp(0.0, logit) - target * logit).mean())
    if objective == "tweedie":  # the deviance, least for the mean; an absolute error would be least for the median
        power, rest = 1 - TWEEDIE, 2 - TWEEDIE
        return float((np.exp(rest * raw) / rest - target * np.exp(power * raw) / power).mean())
    return float(np.abs(_to_output(objective, raw, None) - target).mean())


OutOfSample = tuple[int, list["np.ndarray"], "np.ndarray"]


def _score_latest(
    parts: Sequence[Rows], objective: Objective, learners: Sequence[str], parameters: Mapping[str, Any], seed: int
) -> OutOfSample | None:
    """Return the number of trees, the learners' scores of the latest date, and its outcome; None with one date only."""
    import numpy as np

    if len(parts) < 2:
        return None
    past, later = _undersample(stack(parts[:-1]), objective), canonicalise(parts[-1])
    if objective == "binary" and (len(np.unique(past.target)) < 2 or len(np.unique(later.target)) < 2):
        return None
    trees, boosted = best_number_of_trees(past, later, objective, parameters, seed)
    scores = [
        boosted
        if name == "boosting"
        else LEARNERS[name].raw(LEARNERS[name].fit(past, objective, parameters, seed), later.matrix)
        for name in learners
    ]
    return trees, scores, later.target


def _score_folds(
    rows: Rows, objective: Objective, learners: Sequence[str], parameters: Mapping[str, Any], seed: int
) -> OutOfSample:
    import numpy as np

    settings = {**parameters, "trees": parameters["fixed_trees"]}
    fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    scores = [np.zeros(len(rows)) for _ in learners]
    for k in range(FOLDS):
        inside = _undersample(rows.take(np.flatnonzero(fold != k)), objective)
        for score, name in zip(scores, learners, strict=True):
            fitted = LEARNERS[name].fit(inside, objective, settings, seed)
            score[fold == k] = LEARNERS[name].raw(fitted, rows.matrix[fold == k])
    return settings["trees"], scores, rows.target


def _undersample(rows: Rows, objective: Objective) -> Rows:
    """Undersample to at most 30 negatives per positive if positives are rare. The calibration, which is fitted on whole
    later rows, sets the level right again. Source: King & Zeng (2001), Logistic regression in rare events data.
    """
    import numpy as np

    if objective != "binary" or not 0 < (share := float(rows.target.mean())) < RARE:
        return rows
    negatives = np.flatnonzero(rows.target == 0)
    wanted = max(int(MOST_NEGATIVES * share * len(rows)), 1)
    kept = negatives[np.linspace(0, len(negatives) - 1, min(wanted, len(negatives))).astype(int)]
    return rows.take(np.sort(np.concatenate([kept, np.flatnonzero(rows.target == 1)])))
