"""Metrics: how good predictions were once the outcome is known, how sure that is, and which of two was better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.models.base import Task
from capflow_assets.training import ranking, roc

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    PerUser = Callable[[pd.DataFrame, pd.DataFrame], pd.Series]

Z95 = 1.959964
RESAMPLES = 100
SEED = 20_240_101


@dataclass(frozen=True)
class Evaluation:
    """One metric of one set of predictions with its 95 % interval, over so many users."""

    metric: str
    value: float
    low: float
    high: float
    users: int


@dataclass(frozen=True)
class Paired:
    """The first predictions' metric less the second's on the same users, and the standard error of that difference."""

    difference: float
    standard_error: float
    users: int


@dataclass(frozen=True)
class Metric(ABC):
    """One way to judge predictions of a task. `in_money` metrics have no scale of their own: compare them as shares."""

    name: str
    title: str
    task: Task
    higher_is_better: bool
    in_money: bool = False

    @abstractmethod
    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """The metric over all users of `outcome`. ValueError when one of them has no prediction."""

    @abstractmethod
    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """The 95 % interval of the value."""

    @abstractmethod
    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> Paired:
        """How much `first` differs from `second` on the same users, with the error that their pairing leaves."""

    def gain(self, difference: float) -> float:
        """A difference in the direction in which this metric gets better."""
        return difference if self.higher_is_better else -difference

    def evaluate(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Evaluation:
        """The value with its interval and the number of users."""
        low, high = self.interval(outcome, prediction)
        return Evaluation(self.name, self.value(outcome, prediction), low, high, int(outcome["user_id"].nunique()))


@dataclass(frozen=True)
class Auc(Metric):
    """Area under the ROC curve with DeLong's standard error."""

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """The probability that a user with label 1 is scored above one with label 0."""
        return roc.auc(*_pairs(outcome, prediction, "label", "score"))

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """DeLong's interval, cut to [0, 1]."""
        area, variance = roc.delong(*_pairs(outcome, prediction, "label", "score"))
        reach = Z95 * float(variance[0, 0]) ** 0.5
        return max(float(area[0]) - reach, 0.0), min(float(area[0]) + reach, 1.0)

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> Paired:
        """DeLong's test of two correlated areas."""
        label, one = _pairs(outcome, first, "label", "score")
        area, variance = roc.delong(label, one, _pairs(outcome, second, "label", "score")[1])
        spread = float(variance[0, 0] + variance[1, 1] - 2 * variance[0, 1])
        return Paired(float(area[0] - area[1]), max(spread, 0.0) ** 0.5, len(label))


@dataclass(frozen=True)
class MeanOfUsers(Metric):
    """A metric that is the mean of one number a user."""

    per_user: PerUser | None = None

    def each(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
        """The number of each user of `outcome`, indexed by user_id."""
        assert self.per_user is not None
        return self.per_user(outcome, prediction)

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """The mean over users."""
        return _mean_and_error(self.each(outcome, prediction))[0]

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """The mean and 1.96 of its standard errors to each side."""
        mean, error = _mean_and_error(self.each(outcome, prediction))
        return mean - Z95 * error, mean + Z95 * error

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> Paired:
        """The mean of the users' differences and its standard error."""
        one, two = self.each(outcome, first), self.each(outcome, second)
        return Paired(*_mean_and_error(one - two.reindex(one.index)), len(one))


@dataclass(frozen=True)
class VarianceExplained(Metric):
    """Eta squared: the share of the variance of log(1 + spend) that lies between segments; errors by bootstrap."""

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """From 0 (the segments tell nothing of the next spend) to 1 (they tell all)."""
        return _eta_squared(*_segments(outcome, prediction))

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """The 2.5th and 97.5th percentile of 100 resamples of users."""
        import numpy as np

        value, group = _segments(outcome, prediction)
        low, high = np.quantile(
            [_eta_squared(value[rows], group[rows]) for rows in _resamples(len(value))], [0.025, 0.975]
        )
        return float(low), float(high)

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> Paired:
        """The difference, with its standard deviation over 100 resamples of the same users."""
        import numpy as np

        (value, one), (_, two) = _segments(outcome, first), _segments(outcome, second)
        changes = [
            _eta_squared(value[rows], one[rows]) - _eta_squared(value[rows], two[rows])
            for rows in _resamples(len(value))
        ]
        return Paired(_eta_squared(value, one) - _eta_squared(value, two), float(np.std(changes, ddof=1)), len(value))


def metric(name: str) -> Metric:
    """The metric of that name; ValueError lists the names when there is none."""
    if name not in METRICS:
        raise ValueError(f"There is no metric called {name!r}. Choose one of: {', '.join(METRICS)}.")
    return METRICS[name]


def metrics_of(task: Task) -> list[Metric]:
    """Every metric that can judge a task's predictions."""
    return [one for one in METRICS.values() if one.task == task]


def evaluate(name: str, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Evaluation:
    """One metric of the predictions, with its 95 % interval."""
    return metric(name).evaluate(outcome, prediction)


def aligned(outcome: pd.DataFrame, prediction: pd.DataFrame, column: str) -> pd.Series:
    """`column` of the prediction for each row of the outcome; ValueError when a user was not predicted."""
    found = prediction.set_index("user_id")[column].reindex(outcome["user_id"])
    missing = int(found.isna().sum())
    if missing:
        example = found.index[found.isna()][0]
        raise ValueError(
            f"{missing:,} of {len(outcome):,} users of the outcome have no prediction ({column}), as {example!r}.\n"
            "The model's predict must cover every user of its outcome."
        )
    return found


def _pairs(outcome: pd.DataFrame, prediction: pd.DataFrame, truth: str, guess: str) -> tuple[np.ndarray, np.ndarray]:
    return outcome[truth].to_numpy(dtype=float), aligned(outcome, prediction, guess).to_numpy(dtype=float)


def _by_user(values: np.ndarray, outcome: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=outcome["user_id"])


def _absolute_error(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    truth, guess = _pairs(outcome, prediction, "value", "value")
    return _by_user(abs(truth - guess), outcome)


def _squared_error(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    truth, guess = _pairs(outcome, prediction, "label", "score")
    return _by_user((truth - guess) ** 2, outcome)


def _mean_and_error(values: pd.Series) -> tuple[float, float]:
    if values.empty:
        raise ValueError("The outcome has no users: there is nothing to measure.")
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return float(values.mean()), error


def _segments(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np
    import pandas as pd

    spend = outcome["value"].to_numpy(dtype=float)
    return np.log1p(np.maximum(spend, 0.0)), pd.factorize(aligned(outcome, prediction, "label"), sort=True)[0]


def _eta_squared(value: np.ndarray, group: np.ndarray) -> float:
    import numpy as np

    centred = value - value.mean()
    total = float(centred @ centred)
    if total == 0.0:
        return 0.0
    sums, sizes = np.bincount(group, centred), np.bincount(group)
    return float((sums**2 / np.maximum(sizes, 1)).sum() / total)


def _resamples(rows: int) -> list[np.ndarray]:
    import numpy as np

    chance = np.random.default_rng(SEED)
    return [chance.integers(0, rows, rows) for _ in range(RESAMPLES)]


METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        Auc("auc", "area under the ROC curve", "binary", True),
        MeanOfUsers("brier", "Brier score", "binary", False, per_user=_squared_error),
        MeanOfUsers("mae", "mean absolute error", "regression", False, in_money=True, per_user=_absolute_error),
        MeanOfUsers("ndcg_at_10", "NDCG of the top 10", "ranking", True, per_user=ranking.ndcg_at_10),
        MeanOfUsers("recall_at_10", "recall of the top 10", "ranking", True, per_user=ranking.recall_at_10),
        VarianceExplained("variance_explained", "variance of the next spend explained", "segment", True),
    )
}
