"""Metrics: how good predictions were once the outcome is known, how sure that is, and which of two was better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.models.base import TRUTHS, Task
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
    """One metric of one set of predictions with its 95 % interval, over so many users (or items, or what is judged)."""

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
        return Evaluation(self.name, self.value(outcome, prediction), low, high, count(self.task, outcome))


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
        """The number of each user of `outcome`, indexed by the unit."""
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


@dataclass(frozen=True)
class Qini(Metric):
    """How many more answer, per person, when those with the highest scores are contacted first instead of by lot.

    The area between the Qini curve and the straight line to its end, both per person and over the share contacted;
    errors by bootstrap. Source: Radcliffe (2007), Using control groups to target on predicted lift.
    """

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """Above 0: better than contacting by lot. ValueError when everybody, or nobody, was contacted."""
        return qini(*_treated(outcome, prediction))

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """The 2.5th and 97.5th percentile of 100 resamples."""
        import numpy as np

        columns = _treated(outcome, prediction)
        low, high = np.quantile(
            [qini(*(column[rows] for column in columns)) for rows in _resamples(len(outcome))], [0.025, 0.975]
        )
        return float(low), float(high)

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> Paired:
        """The difference, with its standard deviation over 100 resamples of the same people."""
        import numpy as np

        one, two = _treated(outcome, first), _treated(outcome, second)
        changes = [qini(*(c[rows] for c in one)) - qini(*(c[rows] for c in two)) for rows in _resamples(len(outcome))]
        return Paired(qini(*one) - qini(*two), float(np.std(changes, ddof=1)), len(outcome))


def qini(treated: np.ndarray, label: np.ndarray, score: np.ndarray) -> float:
    """The Qini area per person; people of equal score count as if they came mixed."""
    import numpy as np

    people, gained = _qini_curve(treated, label, score)
    return float(np.trapezoid(gained, people) - gained[-1] / 2)


def qini_curve(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The share of people contacted, highest scores first, and how many more answer then, per person."""
    return _qini_curve(*_treated(outcome, prediction))


def _qini_curve(treated: np.ndarray, label: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    if not treated.any() or treated.all():
        raise ValueError("qini needs people who were contacted and people who were held back; there is one kind only.")
    order = np.argsort(-score, kind="stable")
    treated, label, score = treated[order], label[order], score[order]
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True))
    held = 1.0 - treated
    reached, kept, answered, anyway = (
        np.append(0.0, np.cumsum(part)[ends]) for part in (treated, held, treated * label, held * label)
    )
    people = np.append(0.0, ends + 1.0) / len(score)
    return people, (answered - anyway * reached / np.maximum(kept, 1.0)) / len(score)


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


def aligned(outcome: pd.DataFrame, prediction: pd.DataFrame, column: str, truths: int = 1) -> pd.Series:
    """`column` of the prediction for each row of the outcome; ValueError when a unit was not predicted.

    The unit is what the outcome's columns name before its last `truths`.
    """
    found = prediction.set_index(units := unit(outcome, truths))[column].reindex(index(outcome, units))
    missing = int(found.isna().sum())
    if missing:
        example = found.index[found.isna()][0]
        raise ValueError(
            f"{missing:,} of {len(outcome):,} rows of the outcome have no prediction ({column}), as {example!r}.\n"
            "The model's predict must cover every unit of its outcome."
        )
    return found


def unit(outcome: pd.DataFrame, truths: int = 1) -> list[str]:
    """The columns that say what was judged: all of an outcome but its last ones."""
    return list(outcome.columns[:-truths])


def index(frame: pd.DataFrame, units: list[str]) -> pd.Index:
    """The unit of each row."""
    import pandas as pd

    return pd.Index(frame[units[0]]) if len(units) == 1 else pd.MultiIndex.from_frame(frame[units])


def count(task: Task, outcome: pd.DataFrame) -> int:
    """How many units an outcome judges."""
    return len(outcome[unit(outcome, len(TRUTHS[task]))].drop_duplicates())


def _pairs(outcome: pd.DataFrame, prediction: pd.DataFrame, truth: str, guess: str) -> tuple[np.ndarray, np.ndarray]:
    return outcome[truth].to_numpy(dtype=float), aligned(outcome, prediction, guess).to_numpy(dtype=float)


def _treated(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    treated, label = outcome["treated"].to_numpy(dtype=float), outcome["label"].to_numpy(dtype=float)
    return treated, label, aligned(outcome, prediction, "score", truths=2).to_numpy(dtype=float)


def _right(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    guess = aligned(outcome, prediction, "label").to_numpy()
    return _by_user((outcome["label"].to_numpy() == guess).astype(float), outcome)


def _by_user(values: np.ndarray, outcome: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=index(outcome, unit(outcome)))


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
        MeanOfUsers("accuracy", "share told right", "choice", True, per_user=_right),
        Qini("qini", "Qini area per person", "uplift", True),
        VarianceExplained("variance_explained", "variance of the next spend explained", "segment", True),
    )
}
