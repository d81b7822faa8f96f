"""Feature selection: columns that carry more signal than noise does, chosen again at each training.

Shadow columns (each feature with its rows shuffled) are offered to boosted trees next to the features, on five parts of
the rows. A feature is kept if it beats nearly all shadows on most parts; the selection is accepted only if the model
does not get worse on later dates. Source: Kursa & Rudnicki (2010), Boruta; shared notes measured this rule against
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.methods.ensemble.learners.trees import REPEATABLE
from capflow_assets.training.evaluation.metrics import metric
from capflow_assets.training.search.folds import Attempt, compare_attempts, time_folds

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FITS, MIN_VOTES = 5, 3
SHADOW_QUANTILE = 0.95
MAX_ROWS = 20_000
MIN_COLUMNS = 8  # with fewer there is nothing to choose
TREES = 60
TOLERANCE = 0.002  # of the metric; of money: a share of it


@dataclass(frozen=True)
class Selection:
    """The selected columns, how many were offered, why, and each column's `votes` out of FITS."""

    columns: tuple[str, ...]
    offered: int
    reason: str
    votes: dict[str, int]

    def facts(self) -> dict[str, Any]:
        """Return the selection as plain JSON values."""
        return {
            "columns": list(self.columns),
            "offered": self.offered,
            "reason": self.reason,
            "votes": dict(sorted(self.votes.items())),
        }


def select_features(
    model: Model, train: Sequence[LabelledSnapshot], parameters: dict[str, Any], seed: int
) -> Selection:
    """Select the feature columns to fit `model` on, from what these past dates show."""
    offered = _common_columns(train)
    everything = tuple(offered)
    if len(offered) < MIN_COLUMNS:
        return Selection(everything, len(offered), f"all: {len(offered)} columns leave nothing to choose", {})
    if not time_folds(train):
        return Selection(everything, len(offered), "all: one past date cannot show whether fewer are enough", {})
    votes = _votes(*_stack_rows(train, offered, seed), offered, seed)
    kept = tuple(column for column in offered if votes[column] >= MIN_VOTES)
    if not kept or len(kept) == len(offered):
        which = "none of them beats" if not kept else "each of them beats"
        return Selection(everything, len(offered), f"all: {which} columns of noise", votes)
    return _accept_if_not_worse(model, train, Attempt(parameters, kept), Attempt(parameters), len(offered), votes, seed)


def _accept_if_not_worse(
    model: Model,
    train: Sequence[LabelledSnapshot],
    fewer: Attempt,
    usual: Attempt,
    offered: int,
    votes: dict[str, int],
    seed: int,
) -> Selection:
    cache, columns = dict[int, Any](), fewer.columns or ()
    paired = compare_attempts(model, train, fewer, usual, seed, cache)
    measure, (_, later) = metric(model.metric), time_folds(train)[-1]
    scale = abs(measure.value(later.outcome, cache[max(cache)])) if measure.in_money else 1.0
    evidence = f"{model.metric} {paired.difference:+.4g} on later dates against all {offered}"
    if paired.difference >= -TOLERANCE * scale:
        return Selection(columns, offered, f"{len(columns)} columns beat columns of noise; {evidence}", votes)
    return Selection(tuple(votes), offered, f"all: {len(columns)} columns alone would cost: {evidence}", votes)


def _common_columns(train: Sequence[LabelledSnapshot]) -> list[str]:
    """Return the numeric and boolean columns that every snapshot has, sorted."""
    common: set[str] | None = None
    for snapshot in train:
        numbers = {str(name) for name in snapshot.features.select_dtypes(["number", "bool"]).columns}
        common = numbers if common is None else common & numbers
    return sorted((common or set()) - {"user_id"})


def _stack_rows(train: Sequence[LabelledSnapshot], columns: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the feature matrix and the outcome of each user over all dates, at most MAX_ROWS drawn at random."""
    import numpy as np
    import pandas as pd

    parts = []
    for snapshot in sorted(train, key=lambda one: one.as_of):
        truth = _truth(snapshot.outcome)
        parts.append(snapshot.features.set_index("user_id")[list(columns)].join(truth, how="inner"))
    rows = pd.concat(parts)
    if len(rows) > MAX_ROWS:
        rows = rows.iloc[np.sort(np.random.default_rng(seed).permutation(len(rows))[:MAX_ROWS])]
    matrix = rows[list(columns)].to_numpy(dtype="float64", na_value=float("nan"))
    return matrix, rows["truth_"].to_numpy(dtype="float64")


def _truth(outcome: pd.DataFrame) -> pd.Series:
    """Return one number per user: the outcome, or its mean if a user has several units."""
    return outcome.groupby("user_id")[outcome.columns[-1]].mean().rename("truth_")


def _votes(matrix: np.ndarray, truth: np.ndarray, columns: Sequence[str], seed: int) -> dict[str, int]:
    import numpy as np

    random = np.random.default_rng(seed)
    part = random.permutation(len(truth)) % FITS
    target = truth if set(np.unique(truth)) <= {0.0, 1.0} else _ranks(truth)
    votes = np.zeros(len(columns), dtype=int)
    for number in range(FITS):
        inside = matrix[part != number]
        shadows = np.column_stack([random.permutation(inside[:, column]) for column in range(len(columns))])
        gains = _gains(np.hstack([inside, shadows]), target[part != number], seed + number)
        own, noise = gains[: len(columns)], gains[len(columns) :]
        votes += own > np.quantile(noise, SHADOW_QUANTILE)
    return dict(zip(columns, votes.tolist(), strict=True))


def _gains(matrix: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """Return the total gain of each column's splits."""
    import lightgbm
    import numpy as np

    settings = {
        "objective": "binary" if set(np.unique(target)) <= {0.0, 1.0} else "regression",
        "learning_rate": 0.1,
        "num_leaves": 15,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": 63,
        "min_data_in_leaf": max(2, min(20, len(target) // 20)),
        "seed": seed,
        **REPEATABLE,
    }
    data = lightgbm.Dataset(matrix, target, params={"verbosity": -1, "max_bin": 63})
    booster = lightgbm.train(settings, data, num_boost_round=TREES)
    return np.asarray(booster.feature_importance("gain"))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return values as ranks from 0 to 1: with money a few users would outweigh all others."""
    import numpy as np
    from scipy.stats import rankdata

    return np.asarray(rankdata(values)) / len(values)
