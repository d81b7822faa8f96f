"""Metrics: how good predictions were once the outcome is known, how sure that is, and which of two was better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.contract.model import OUTCOME_COLUMNS, Task
from capflow_assets.methods.variance import eta_squared
from capflow_assets.training.evaluation import ranking, roc

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    PerUser = Callable[[pd.DataFrame, pd.DataFrame], pd.Series]
    Columns = Callable[[pd.DataFrame, pd.DataFrame], tuple[np.ndarray, ...]]

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
class PairedDifference:
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
    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """How much `first` differs from `second` on the same users, with the error that their pairing leaves."""

    def gain(self, difference: float) -> float:
        """A difference in the direction in which this metric gets better."""
        return difference if self.higher_is_better else -difference

    def evaluate(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Evaluation:
        """The value with its interval and the number of users."""
        low, high = self.interval(outcome, prediction)
        return Evaluation(self.name, self.value(outcome, prediction), low, high, count_units(self.task, outcome))


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

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """DeLong's test of two correlated areas."""
        label, one = _pairs(outcome, first, "label", "score")
        area, variance = roc.delong(label, one, _pairs(outcome, second, "label", "score")[1])
        spread = float(variance[0, 0] + variance[1, 1] - 2 * variance[0, 1])
        return PairedDifference(float(area[0] - area[1]), max(spread, 0.0) ** 0.5, len(label))


@dataclass(frozen=True)
class MeanPerUser(Metric):
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

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """The mean of the users' differences and its standard error."""
        one, two = self.each(outcome, first), self.each(outcome, second)
        return PairedDifference(*_mean_and_error(one - two.reindex(one.index)), len(one))


@dataclass(frozen=True)
class BootstrapMetric(Metric):
    """A metric of all users at once; its errors are what 100 resamples of the same users give (bootstrap).

    `columns` takes from an outcome and a prediction what `of` measures: arrays with a number a user.
    """

    columns: Columns | None = None
    of: Callable[..., float] | None = None

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """The metric over all users."""
        return self._measured(self._told(outcome, prediction))

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """The 2.5th and 97.5th percentile of the resamples."""
        import numpy as np

        told = self._told(outcome, prediction)
        low, high = np.quantile([self._measured(told, rows) for rows in _resamples(len(outcome))], [0.025, 0.975])
        return float(low), float(high)

    def paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """The difference, with its standard deviation over the resamples, the same for both."""
        import numpy as np

        one, two = self._told(outcome, first), self._told(outcome, second)
        changes = [self._measured(one, rows) - self._measured(two, rows) for rows in _resamples(len(outcome))]
        return PairedDifference(self._measured(one) - self._measured(two), float(np.std(changes, ddof=1)), len(outcome))

    def _told(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, ...]:
        assert self.columns is not None
        return self.columns(outcome, prediction)

    def _measured(self, told: tuple[np.ndarray, ...], rows: np.ndarray | slice = slice(None)) -> float:
        assert self.of is not None
        return self.of(*(column[rows] for column in told))


def spend_gini(spend: np.ndarray, place: np.ndarray, best: np.ndarray) -> float:
    """How well an order finds the spend: 0 as if by lot, 1 like the order by the spend itself (normalised Gini).

    `place` and `best` count from 0, the first in the order by the prediction and by the spend; users of one place
    count as if they came mixed. 0 where all spent the same. An order alone is judged, not the level: the mean absolute
    error of spend is least for its median, which is 0 where most shoppers stay away, and the mean square is decided by
    a handful of large buyers. Source: Wang, Liu & Miao (2019), A Deep Probabilistic Model for Customer Lifetime Value
    Prediction.
    """
    most = _gini(spend, best)
    return _gini(spend, place) / most if most > 0 else 0.0


def _gini(spend: np.ndarray, place: np.ndarray) -> float:
    import numpy as np

    total = spend.sum()
    if not total:
        return 0.0
    people = np.append(0.0, np.cumsum(np.bincount(place)) / len(spend))
    found = np.append(0.0, np.cumsum(np.bincount(place, spend)) / total)
    return float(2 * np.trapezoid(found, people) - 1)


def qini(treated: np.ndarray, label: np.ndarray, score: np.ndarray) -> float:
    """How many more answer, per person, when those with the highest scores are contacted first instead of by lot.

    The area between the Qini curve and the straight line to its end, both per person and over the share contacted;
    people of equal score count as if they came mixed. Above 0: better than by lot. ValueError when everybody, or
    nobody, was contacted. Source: Radcliffe (2007), Using control groups to target on predicted lift.
    """
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


def align_predictions(outcome: pd.DataFrame, prediction: pd.DataFrame, column: str, truths: int = 1) -> pd.Series:
    """`column` of the prediction for each row of the outcome; ValueError when a unit was not predicted.

    The unit is what the outcome's columns name before its last `truths`.
    """
    found = prediction.set_index(units := unit_columns(outcome, truths))[column].reindex(unit_index(outcome, units))
    missing = int(found.isna().sum())
    if missing:
        example = found.index[found.isna()][0]
        raise ValueError(
            f"{missing:,} of {len(outcome):,} rows of the outcome have no prediction ({column}), as {example!r}.\n"
            "The model's predict must cover every unit of its outcome."
        )
    return found


def unit_columns(outcome: pd.DataFrame, truths: int = 1) -> list[str]:
    """The columns that say what was judged: all of an outcome but its last ones."""
    return list(outcome.columns[:-truths])


def unit_index(frame: pd.DataFrame, units: list[str]) -> pd.Index:
    """The unit of each row."""
    import pandas as pd

    return pd.Index(frame[units[0]]) if len(units) == 1 else pd.MultiIndex.from_frame(frame[units])


def count_units(task: Task, outcome: pd.DataFrame) -> int:
    """How many units an outcome judges."""
    return len(outcome[unit_columns(outcome, len(OUTCOME_COLUMNS[task]))].drop_duplicates())


def _pairs(outcome: pd.DataFrame, prediction: pd.DataFrame, truth: str, guess: str) -> tuple[np.ndarray, np.ndarray]:
    return outcome[truth].to_numpy(dtype=float), align_predictions(outcome, prediction, guess).to_numpy(dtype=float)


def _treated(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    treated, label = outcome["treated"].to_numpy(dtype=float), outcome["label"].to_numpy(dtype=float)
    return treated, label, align_predictions(outcome, prediction, "score", truths=2).to_numpy(dtype=float)


def _right(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    guess = align_predictions(outcome, prediction, "label").to_numpy()
    return _by_user((outcome["label"].to_numpy() == guess).astype(float), outcome)


def _by_user(values: np.ndarray, outcome: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=unit_index(outcome, unit_columns(outcome)))


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
    return np.log1p(np.maximum(spend, 0.0)), pd.factorize(align_predictions(outcome, prediction, "label"), sort=True)[0]


def _places(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, ...]:
    import numpy as np

    spend, guess = _pairs(outcome, prediction, "value", "value")
    return spend, *(np.unique(-values, return_inverse=True)[1] for values in (guess, spend))


def _resamples(rows: int) -> list[np.ndarray]:
    import numpy as np

    chance = np.random.default_rng(SEED)
    return [chance.integers(0, rows, rows) for _ in range(RESAMPLES)]


METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        Auc("auc", "area under the ROC curve", "binary", True),
        MeanPerUser("brier", "Brier score", "binary", False, per_user=_squared_error),
        MeanPerUser("mae", "mean absolute error", "regression", False, in_money=True, per_user=_absolute_error),
        MeanPerUser("ndcg_at_10", "NDCG of the top 10", "ranking", True, per_user=ranking.ndcg_at_10),
        MeanPerUser("recall_at_10", "recall of the top 10", "ranking", True, per_user=ranking.recall_at_10),
        MeanPerUser("accuracy", "share told right", "choice", True, per_user=_right),
        BootstrapMetric(
            "spend_gini", "order of the spend (normalised Gini)", "regression", True, columns=_places, of=spend_gini
        ),
        BootstrapMetric("qini", "Qini area per person", "uplift", True, columns=_treated, of=qini),
        BootstrapMetric(
            "variance_explained",
            "variance of the next spend explained",
            "segment",
            True,
            columns=_segments,
            of=eta_squared,
        ),
    )
}
