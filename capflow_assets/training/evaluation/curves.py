"""Curves: one small picture of how good a model's predictions were on its test date."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Task
from capflow_assets.training.evaluation import ranking
from capflow_assets.training.evaluation.cumulative_gain import qini_curve
from capflow_assets.training.evaluation.metrics import uplift_arrays
from capflow_assets.training.evaluation.units import align_predictions, count_units

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

GROUPS = 10
INCHES = (6.4, 2.8)
DOTS_PER_INCH = 72
BLUE, GREY = "#2f6db3", "#9aa3ad"


def draw_curves(task: Task, title: str, outcome: pd.DataFrame, prediction: pd.DataFrame) -> bytes:
    """Draw predictions against the outcome, in the way that suits the task, as a PNG under 25 KB.

    binary: lift by tenth of the score, and calibration; regression: predicted and actual by tenth; ranking: hits by
    rank; segment: size and next spend of each segment; choice: accuracy by label; uplift: the Qini curve.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    painters = _PAINTERS[task]
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    for axes, painter in zip(figure.subplots(1, len(painters), squeeze=False)[0], painters, strict=True):
        painter(axes, outcome, prediction)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def assign_tenths(score: np.ndarray) -> np.ndarray:
    """Return the tenth of each unit, from 0 for the highest scores to 9; ties are broken by row order."""
    import numpy as np

    tenth = np.empty(len(score), dtype="int64")
    order = np.argsort(-score, kind="stable")
    tenth[order] = np.arange(len(score)) * min(GROUPS, max(len(score), 1)) // max(len(score), 1)
    return tenth


def mean_by_tenth(outcome: pd.DataFrame, prediction: pd.DataFrame, truth: str, guess: str) -> pd.DataFrame:
    """Return mean `predicted` and `actual` of each tenth of the users, highest predictions first."""
    import pandas as pd

    predicted = align_predictions(outcome, prediction, guess).to_numpy(dtype=float)
    actual = outcome[truth].to_numpy(dtype=float)
    return pd.DataFrame({"predicted": predicted, "actual": actual}).groupby(assign_tenths(predicted)).mean()


def _lift(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    rates = mean_by_tenth(outcome, prediction, "label", "score")["actual"]
    overall = max(float(outcome["label"].mean()), 1e-12)
    axes.bar(rates.index + 1, rates / overall, color=BLUE)
    axes.axhline(1.0, color=GREY, linewidth=1)
    _label_axes(axes, "lift", "tenth of users, highest score first", "times the average rate")


def _calibration(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    rates = mean_by_tenth(outcome, prediction, "label", "score")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.plot(rates["predicted"], rates["actual"], marker="o", markersize=3, color=BLUE)
    _label_axes(axes, "calibration", "predicted probability", "share that came true")


def _value_bars(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    means = mean_by_tenth(outcome, prediction, "value", "value")
    axes.bar(means.index + 0.8, means["predicted"], width=0.4, color=BLUE, label="predicted")
    axes.bar(means.index + 1.2, means["actual"], width=0.4, color=GREY, label="actual")
    axes.legend(fontsize=7, frameon=False)
    _label_axes(axes, "predicted and actual value", "tenth of users, highest value first", "mean value")


def _hits(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    users = max(count_units("ranking", outcome), 1)
    counts = ranking.hits(outcome, prediction)["rank"].value_counts()
    rates = counts.reindex(range(1, ranking.TOP + 1), fill_value=0) / users
    axes.bar(rates.index, rates, color=BLUE)
    _label_axes(axes, "recommendations that were bought", "rank", "share of buyers")


def _segment_sizes(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    counts = prediction["label"].value_counts().sort_index()
    axes.barh(counts.index, counts, color=GREY)
    _label_axes(axes, "users", "", "")


def _next_spend(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    labels = align_predictions(outcome, prediction, "label").to_numpy()
    means = outcome["value"].groupby(labels).mean().sort_index()
    axes.barh(means.index, means, color=BLUE)
    _label_axes(axes, "mean next spend", "", "")


def _accuracy_by_label(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    right = outcome["label"].to_numpy() == align_predictions(outcome, prediction, "label").to_numpy()
    shares = outcome.assign(right=right).groupby("label")["right"].mean().sort_index()
    axes.barh(shares.index, shares, color=BLUE)
    _label_axes(axes, "labels predicted right", "share", "")


def _qini(axes: Axes, outcome: pd.DataFrame, prediction: pd.DataFrame) -> None:
    people, gained = qini_curve(*uplift_arrays(outcome, prediction))
    axes.plot([0, 1], [0, gained[-1]], color=GREY, linewidth=1)
    axes.plot(people, gained, color=BLUE)
    _label_axes(axes, "Qini curve", "share contacted, highest score first", "more responses per person")


def _label_axes(axes: Axes, title: str, across: str, up: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(across, fontsize=7)
    axes.set_ylabel(up, fontsize=7)


_PAINTERS: dict[Task, tuple[Callable[[Axes, pd.DataFrame, pd.DataFrame], None], ...]] = {
    "binary": (_lift, _calibration),
    "regression": (_value_bars,),
    "ranking": (_hits,),
    "segment": (_segment_sizes, _next_spend),
    "choice": (_accuracy_by_label,),
    "uplift": (_qini,),
}
