"""Metrics of predictions against their outcome: value, 95 % interval, and paired differences of two predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Task
from capflow_assets.methods.variance import eta_squared
from capflow_assets.training.evaluation import ranking, roc
from capflow_assets.training.evaluation.cumulative_gain import qini, spend_gini
from capflow_assets.training.evaluation.units import align_predictions, count_units, unit_columns, unit_index

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
    """A metric of one set of predictions with its 95 % interval; `users` counts the units, users or others."""

    metric: str
    value: float
    low: float
    high: float
    users: int


@dataclass(frozen=True)
class PairedDifference:
    """The first predictions' metric minus the second's on the same users, and the standard error of that difference."""

    difference: float
    standard_error: float
    users: int


@dataclass(frozen=True)
class Metric(ABC):
    """A metric of one task's predictions. `in_money` metrics have no scale of their own: compare them as shares."""

    name: str
    title: str
    task: Task
    higher_is_better: bool
    in_money: bool = False

    @abstractmethod
    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """Return the metric over all users of `outcome`. Raises ValueError if one of them has no prediction."""

    @abstractmethod
    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """Return the 95 % interval of the value."""

    @abstractmethod
    def compare_paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """Return the difference of `first` and `second` on the same users, with the standard error of the pairing."""

    def gain(self, difference: float) -> float:
        """Return a difference in the metric's better direction."""
        return difference if self.higher_is_better else -difference

    def evaluate(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Evaluation:
        """Return the value with its interval and the number of users."""
        low, high = self.interval(outcome, prediction)
        return Evaluation(self.name, self.value(outcome, prediction), low, high, count_units(self.task, outcome))


@dataclass(frozen=True)
class Auc(Metric):
    """Area under the ROC curve with DeLong's standard error."""

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """Return the probability that a user with label 1 is scored above one with label 0."""
        return roc.auc(*_truth_and_guess(outcome, prediction, "label", "score"))

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """Return DeLong's interval, clipped to [0, 1]."""
        area, variance = roc.delong(*_truth_and_guess(outcome, prediction, "label", "score"))
        reach = Z95 * float(variance[0, 0]) ** 0.5
        return max(float(area[0]) - reach, 0.0), min(float(area[0]) + reach, 1.0)

    def compare_paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """Return the difference of two correlated areas with DeLong's standard error."""
        label, one = _truth_and_guess(outcome, first, "label", "score")
        area, variance = roc.delong(label, one, _truth_and_guess(outcome, second, "label", "score")[1])
        spread = float(variance[0, 0] + variance[1, 1] - 2 * variance[0, 1])
        return PairedDifference(float(area[0] - area[1]), max(spread, 0.0) ** 0.5, len(label))


@dataclass(frozen=True)
class MeanPerUser(Metric):
    """A metric that is the mean of one number per user."""

    per_user: PerUser | None = None

    def values_per_user(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
        """Return the number of each user of `outcome`, indexed by the unit."""
        assert self.per_user is not None
        return self.per_user(outcome, prediction)

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """Return the mean over users."""
        return _mean_and_error(self.values_per_user(outcome, prediction))[0]

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """Return the mean plus and minus 1.96 standard errors."""
        mean, error = _mean_and_error(self.values_per_user(outcome, prediction))
        return mean - Z95 * error, mean + Z95 * error

    def compare_paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """Return the mean of the users' differences with its standard error."""
        one, two = self.values_per_user(outcome, first), self.values_per_user(outcome, second)
        return PairedDifference(*_mean_and_error(one - two.reindex(one.index)), len(one))


@dataclass(frozen=True)
class BootstrapMetric(Metric):
    """A metric of all users at once, with bootstrap errors from 100 resamples of the same users.

    `columns` extracts from an outcome and a prediction what `of` measures: arrays with one number per user.
    """

    columns: Columns | None = None
    of: Callable[..., float] | None = None

    def value(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> float:
        """Return the metric over all users."""
        return self._measure(self._arrays(outcome, prediction))

    def interval(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[float, float]:
        """Return the 2.5th and 97.5th percentile of the resamples."""
        import numpy as np

        arrays = self._arrays(outcome, prediction)
        low, high = np.quantile([self._measure(arrays, rows) for rows in _bootstrap_rows(len(outcome))], [0.025, 0.975])
        return float(low), float(high)

    def compare_paired(self, outcome: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
        """Return the difference with its standard deviation over resamples, which are the same for both."""
        import numpy as np

        one, two = self._arrays(outcome, first), self._arrays(outcome, second)
        changes = [self._measure(one, rows) - self._measure(two, rows) for rows in _bootstrap_rows(len(outcome))]
        return PairedDifference(self._measure(one) - self._measure(two), float(np.std(changes, ddof=1)), len(outcome))

    def _arrays(self, outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, ...]:
        assert self.columns is not None
        return self.columns(outcome, prediction)

    def _measure(self, arrays: tuple[np.ndarray, ...], rows: np.ndarray | slice = slice(None)) -> float:
        assert self.of is not None
        return self.of(*(column[rows] for column in arrays))


def metric(name: str) -> Metric:
    """Return the metric of that name. Raises ValueError, listing the names, if there is none."""
    if name not in METRICS:
        raise ValueError(f"There is no metric called {name!r}. Choose one of: {', '.join(METRICS)}.")
    return METRICS[name]


def metrics_of(task: Task) -> list[Metric]:
    """Return every metric of a task."""
    return [one for one in METRICS.values() if one.task == task]


def evaluate(name: str, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Evaluation:
    """Evaluate predictions by the metric of that name."""
    return metric(name).evaluate(outcome, prediction)


def _truth_and_guess(
    outcome: pd.DataFrame, prediction: pd.DataFrame, truth: str, guess: str
) -> tuple[np.ndarray, np.ndarray]:
    return outcome[truth].to_numpy(dtype=float), align_predictions(outcome, prediction, guess).to_numpy(dtype=float)


def uplift_arrays(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return treated (0 or 1), label and score of each row of the outcome."""
    treated, label = outcome["treated"].to_numpy(dtype=float), outcome["label"].to_numpy(dtype=float)
    return treated, label, align_predictions(outcome, prediction, "score", truths=2).to_numpy(dtype=float)


def _is_right(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    guess = align_predictions(outcome, prediction, "label").to_numpy()
    return _by_user((outcome["label"].to_numpy() == guess).astype(float), outcome)


def _by_user(values: np.ndarray, outcome: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=unit_index(outcome, unit_columns(outcome)))


def _absolute_error(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    truth, guess = _truth_and_guess(outcome, prediction, "value", "value")
    return _by_user(abs(truth - guess), outcome)


def _square_error(outcome: pd.DataFrame, prediction: pd.DataFrame) -> pd.Series:
    truth, guess = _truth_and_guess(outcome, prediction, "label", "score")
    return _by_user((truth - guess) ** 2, outcome)


def _mean_and_error(values: pd.Series) -> tuple[float, float]:
    if values.empty:
        raise ValueError("The outcome has no users: there is nothing to measure.")
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return float(values.mean()), error


def _segment_arrays(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np
    import pandas as pd

    spend = outcome["value"].to_numpy(dtype=float)
    return np.log1p(np.maximum(spend, 0.0)), pd.factorize(align_predictions(outcome, prediction, "label"), sort=True)[0]


def _spend_places(outcome: pd.DataFrame, prediction: pd.DataFrame) -> tuple[np.ndarray, ...]:
    import numpy as np

    spend, guess = _truth_and_guess(outcome, prediction, "value", "value")
    return spend, *(np.unique(-values, return_inverse=True)[1] for values in (guess, spend))


def _bootstrap_rows(rows: int) -> list[np.ndarray]:
    import numpy as np

    random = np.random.default_rng(SEED)
    return [random.integers(0, rows, rows) for _ in range(RESAMPLES)]


METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        Auc("auc", "area under the ROC curve", "binary", True),
        MeanPerUser("brier", "Brier score", "binary", False, per_user=_square_error),
        MeanPerUser("mae", "mean absolute error", "regression", False, in_money=True, per_user=_absolute_error),
        MeanPerUser("ndcg_at_10", "NDCG of the top 10", "ranking", True, per_user=ranking.ndcg_at_10),
        MeanPerUser("recall_at_10", "recall of the top 10", "ranking", True, per_user=ranking.recall_at_10),
        MeanPerUser("accuracy", "share of labels predicted right", "choice", True, per_user=_is_right),
        BootstrapMetric(
            "spend_gini",
            "order of the spend (normalised Gini)",
            "regression",
            True,
            columns=_spend_places,
            of=spend_gini,
        ),
        BootstrapMetric("qini", "Qini area per person", "uplift", True, columns=uplift_arrays, of=qini),
        BootstrapMetric(
            "variance_explained",
            "variance of the next spend explained",
            "segment",
            True,
            columns=_segment_arrays,
            of=eta_squared,
        ),
    )
}
