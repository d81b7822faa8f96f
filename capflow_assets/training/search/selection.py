"""Feature selection: columns that tell more than columns of noise do, chosen anew at each training.

Shadow columns (each feature with its rows shuffled) are offered to boosted trees beside the features, on five parts of
the rows. A feature is kept when it beats nearly all shadows on most parts; the choice stands only when the model does
not get worse by it on later dates. Source: Kursa & Rudnicki (2010), Boruta; shared notes measured this rule against
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

FITS, LEAST_VOTES = 5, 3
SHADOW_QUANTILE = 0.95
MOST_ROWS = 20_000
FEWEST_COLUMNS = 8  # with fewer there is nothing to choose
TREES = 60
TOLERANCE = 0.002  # of the metric; of money: a share of it


@dataclass(frozen=True)
class Selection:
    """The columns that the model may see, of how many, and why; `votes` of FITS for each column."""

    columns: tuple[str, ...]
    offered: int
    reason: str
    votes: dict[str, int]

    def facts(self) -> dict[str, Any]:
        """The same as plain JSON values, the columns in order."""
        return {
            "columns": list(self.columns),
            "offered": self.offered,
            "reason": self.reason,
            "votes": dict(sorted(self.votes.items())),
        }


def select_features(
    model: Model, train: Sequence[LabelledSnapshot], parameters: dict[str, Any], seed: int
) -> Selection:
    """Which columns of the features `model` is to be fitted on, by what these past dates say."""
    offered = _offered(train)
    everything = tuple(offered)
    if len(offered) < FEWEST_COLUMNS:
        return Selection(everything, len(offered), f"all: {len(offered)} columns leave nothing to choose", {})
    if not time_folds(train):
        return Selection(everything, len(offered), "all: one past date cannot tell whether fewer are enough", {})
    votes = _votes(*_rows(train, offered, seed), offered, seed)
    kept = tuple(column for column in offered if votes[column] >= LEAST_VOTES)
    if not kept or len(kept) == len(offered):
        which = "none of them beats" if not kept else "each of them beats"
        return Selection(everything, len(offered), f"all: {which} columns of noise", votes)
    return _accepted(model, train, Attempt(parameters, kept), Attempt(parameters), len(offered), votes, seed)


def _accepted(
    model: Model,
    train: Sequence[LabelledSnapshot],
    fewer: Attempt,
    usual: Attempt,
    offered: int,
    votes: dict[str, int],
    seed: int,
) -> Selection:
    kept, columns = dict[int, Any](), fewer.columns or ()
    found = compare_attempts(model, train, fewer, usual, seed, kept)
    judged, (_, later) = metric(model.metric), time_folds(train)[-1]
    scale = abs(judged.value(later.outcome, kept[max(kept)])) if judged.in_money else 1.0
    told = f"{model.metric} {found.difference:+.4g} on later dates against all {offered}"
    if found.difference >= -TOLERANCE * scale:
        return Selection(columns, offered, f"{len(columns)} columns beat columns of noise; {told}", votes)
    return Selection(tuple(votes), offered, f"all: {len(columns)} columns alone would cost: {told}", votes)


def _offered(train: Sequence[LabelledSnapshot]) -> list[str]:
    """The columns that a model can learn from, in every snapshot, sorted."""
    common: set[str] | None = None
    for snapshot in train:
        numbers = {str(name) for name in snapshot.features.select_dtypes(["number", "bool"]).columns}
        common = numbers if common is None else common & numbers
    return sorted((common or set()) - {"user_id"})


def _rows(train: Sequence[LabelledSnapshot], columns: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and what came true of each user, of all dates, at most MOST_ROWS by lot."""
    import numpy as np
    import pandas as pd

    parts = []
    for snapshot in sorted(train, key=lambda one: one.as_of):
        truth = _truth(snapshot.outcome)
        parts.append(snapshot.features.set_index("user_id")[list(columns)].join(truth, how="inner"))
    whole = pd.concat(parts)
    if len(whole) > MOST_ROWS:
        whole = whole.iloc[np.sort(np.random.default_rng(seed).permutation(len(whole))[:MOST_ROWS])]
    matrix = whole[list(columns)].to_numpy(dtype="float64", na_value=float("nan"))
    return matrix, whole["truth_"].to_numpy(dtype="float64")


def _truth(outcome: pd.DataFrame) -> pd.Series:
    """One number a user: what came true, the mean where a user has several units."""
    return outcome.groupby("user_id")[outcome.columns[-1]].mean().rename("truth_")


def _votes(matrix: np.ndarray, truth: np.ndarray, columns: Sequence[str], seed: int) -> dict[str, int]:
    import numpy as np

    lot = np.random.default_rng(seed)
    part = lot.permutation(len(truth)) % FITS
    target = truth if set(np.unique(truth)) <= {0.0, 1.0} else _ranks(truth)
    votes = np.zeros(len(columns), dtype=int)
    for number in range(FITS):
        inside = matrix[part != number]
        shadows = np.column_stack([lot.permutation(inside[:, column]) for column in range(len(columns))])
        gains = _gains(np.hstack([inside, shadows]), target[part != number], seed + number)
        own, noise = gains[: len(columns)], gains[len(columns) :]
        votes += own > np.quantile(noise, SHADOW_QUANTILE)
    return dict(zip(columns, votes.tolist(), strict=True))


def _gains(matrix: np.ndarray, target: np.ndarray, seed: int) -> np.ndarray:
    """How much each column's splits gain."""
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
    """Values as ranks from 0 to 1: money has a few users that would drown all others."""
    import numpy as np
    from scipy.stats import rankdata

    return np.asarray(rankdata(values)) / len(values)
