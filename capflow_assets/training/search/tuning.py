"""Tuning: a few settings that are likely to be good, compared on later dates with the model's own defaults.

A portfolio: the last champion's settings, those that other customers' champions were found with (settings, never
data), and a few drawn from the model's search space. Many cheap trials win and the sampler hardly matters (shared
notes, where a portfolio did as well as Optuna at a third of the cost). How many there are follows from the size of the
data, not from a clock, so that the same data gives the same version on a slow machine; the clock only ends what takes
far too long, and that is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.search.folds import Attempt, compare_attempts, time_folds

CELLS_A_SECOND = 1_000_000  # rows x columns that a trial gets through in a CPU-second (benchmarks/tuning.py)
LEAST_SECONDS_A_TRIAL = 0.5
MOST_TRIALS = 12
MOST_DRAWS = 50
PATIENCE = 4.0  # times the seconds asked for, then the clock ends it
SURE = 1.0  # standard errors by which settings must beat the defaults


@dataclass(frozen=True)
class Start:
    """Settings to try first, and where they come from in words."""

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
    """The settings of the model's search space that do best on later past dates, if any surely beats the defaults.

    `seconds` are CPU-seconds to spend, about; 0 keeps the defaults.
    """
    usual = dict(defaults)
    trials = affordable_trials(seconds, train)
    why = _nothing_to_do(model, train, seconds, trials)
    if why:
        return Tuning(usual, {"reason": why, "trials": []})
    began, known, rows = process_time(), dict[int, Any](), list[dict[str, Any]]()
    best, best_row, stopped = usual, dict[str, Any](), ""
    for start in portfolio(model, usual, starts, trials, seed):
        if process_time() - began > PATIENCE * seconds:
            stopped = f"; ended by the clock after {len(rows)} of {trials} trials"
            break
        parameters = {**usual, **start.parameters}
        found = compare_attempts(model, train, Attempt(parameters), Attempt(usual), seed, known)
        sure = found.difference - SURE * found.standard_error > 0
        row = {
            "source": start.source,
            "settings": dict(start.parameters),
            "gain": found.difference,
            "standard_error": found.standard_error,
            "sure": sure,
        }
        rows.append(row)
        if sure and found.difference > best_row.get("gain", 0.0):
            best, best_row = parameters, row
    told = (
        f"{best_row['source']}: {model.metric} better by {best_row['gain']:.4g} ± {best_row['standard_error']:.2g} "
        "than the defaults on later dates"
        if best_row
        else "the defaults: no other settings surely beat them on later dates"
    )
    return Tuning(best, {"reason": told + stopped, "trials": rows})


def affordable_trials(seconds: float, train: Sequence[LabelledSnapshot]) -> int:
    """How many trials are worth so many CPU-seconds, from the size of the data alone."""
    cells = sum(past.features.size for inside, _ in time_folds(train) for past in inside)
    each = max(cells / CELLS_A_SECOND, LEAST_SECONDS_A_TRIAL)
    return min(MOST_TRIALS, int(seconds / each))


def portfolio(model: Model, usual: Mapping[str, Any], starts: Sequence[Start], trials: int, seed: int) -> list[Start]:
    """What to try, in order: the given starts, then draws from the search space; no settings twice."""
    import numpy as np

    lot = np.random.default_rng(seed)
    space = {name: list(values) for name, values in sorted(model.search_space.items())}
    draws = [
        {name: values[int(lot.integers(len(values)))] for name, values in space.items()} for _ in range(MOST_DRAWS)
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


def _nothing_to_do(model: Model, train: Sequence[LabelledSnapshot], seconds: float, trials: int) -> str:
    if not model.search_space:
        return "the defaults: the model has no settings to search"
    if seconds <= 0:
        return "the defaults: tuning is off (training.tuning_seconds: 0)"
    if not time_folds(train):
        return "the defaults: one past date cannot tell which settings are better"
    if trials < 1:
        return f"the defaults: {seconds:g} CPU-seconds are not enough for a trial on so many rows"
    return ""
