"""Tuning: a portfolio of promising parameters, compared on later dates with the model's own defaults.

The portfolio holds the last champion's parameters, those of other customers' champions (parameters, never data), and a
few drawn from the model's search space. Many cheap trials win and the sampler hardly matters (shared notes, where a
portfolio did as well as Optuna at a third of the cost). The number of trials follows from the size of the data, not
from a clock, so that the same data gives the same version on a slow machine; the clock only ends what takes far too
long, and the reason says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.search.folds import Attempt, compare_attempts, time_folds

CELLS_PER_SECOND = 1_000_000  # rows x columns of a trial in a CPU-second; only its order of magnitude matters
MIN_SECONDS_PER_TRIAL = 0.5
MAX_TRIALS = 12
MAX_DRAWS = 50
PATIENCE = 4.0  # times the requested seconds, then the clock ends it
SURE = 1.0  # standard errors by which settings must beat the defaults


@dataclass(frozen=True)
class Start:
    """Parameters to try first, and where they come from in words."""

    source: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Tuning:
    """The parameters to fit with, and how they were found, as plain JSON values."""

    parameters: dict[str, Any]
    facts: dict[str, Any]


def tune(
    model: Model,
    train: Sequence[LabelledSnapshot],
    defaults: Mapping[str, Any],
    starts: Sequence[Start],
    seconds: float,
    seed: int,
) -> Tuning:
    """Return the parameters that do best on later past dates, if any beat the defaults by more than SURE errors.

    `seconds` is the approximate budget in CPU-seconds; 0 keeps the defaults.
    """
    usual = dict(defaults)
    trials = affordable_trials(seconds, train)
    why_not = _why_not_tuned(model, train, seconds, trials)
    if why_not:
        return Tuning(usual, {"reason": why_not, "trials": []})
    began, cache, rows = process_time(), dict[int, Any](), list[dict[str, Any]]()
    best, best_row, stopped = usual, dict[str, Any](), ""
    for start in portfolio(model, usual, starts, trials, seed):
        if process_time() - began > PATIENCE * seconds:
            stopped = f"; ended by the clock after {len(rows)} of {trials} trials"
            break
        parameters = {**usual, **start.parameters}
        paired = compare_attempts(model, train, Attempt(parameters), Attempt(usual), seed, cache)
        sure = paired.difference - SURE * paired.standard_error > 0
        row = {
            "source": start.source,
            "settings": dict(start.parameters),
            "gain": paired.difference,
            "standard_error": paired.standard_error,
            "sure": sure,
        }
        rows.append(row)
        if sure and paired.difference > best_row.get("gain", 0.0):
            best, best_row = parameters, row
    reason = (
        f"{best_row['source']}: {model.metric} better by {best_row['gain']:.4g} ± {best_row['standard_error']:.2g} "
        "than the defaults on later dates"
        if best_row
        else "the defaults: no other settings surely beat them on later dates"
    )
    return Tuning(best, {"reason": reason + stopped, "trials": rows})


def affordable_trials(seconds: float, train: Sequence[LabelledSnapshot]) -> int:
    """Return how many trials fit into so many CPU-seconds, from the size of the data alone."""
    cells = sum(past.features.size for inside, _ in time_folds(train) for past in inside)
    each = max(cells / CELLS_PER_SECOND, MIN_SECONDS_PER_TRIAL)
    return min(MAX_TRIALS, int(seconds / each))


def portfolio(model: Model, usual: Mapping[str, Any], starts: Sequence[Start], trials: int, seed: int) -> list[Start]:
    """Return what to try, in order: the starts, then draws from the search space; no parameters twice."""
    import numpy as np

    random = np.random.default_rng(seed)
    space = {name: list(values) for name, values in sorted(model.search_space.items())}
    draws = [
        {name: values[int(random.integers(len(values)))] for name, values in space.items()} for _ in range(MAX_DRAWS)
    ]
    drawn = [Start("drawn from the search space", settings) for settings in draws]
    tried, seen = list[Start](), [{name: usual[name] for name in space}]
    for start in [*starts, *drawn]:
        settings = {name: start.parameters.get(name, usual[name]) for name in space}
        allowed = all(value in space[name] or value == usual[name] for name, value in settings.items())
        if allowed and settings not in seen:
            seen.append(settings)
            tried.append(Start(start.source, settings))
    return tried[:trials]


def _why_not_tuned(model: Model, train: Sequence[LabelledSnapshot], seconds: float, trials: int) -> str:
    if not model.search_space:
        return "the defaults: the model has no settings to search"
    if seconds <= 0:
        return "the defaults: tuning is off (training.tuning_seconds: 0)"
    if not time_folds(train):
        return "the defaults: one past date cannot show which settings are better"
    if trials < 1:
        return f"the defaults: {seconds:g} CPU-seconds are not enough for a trial on so many rows"
    return ""
