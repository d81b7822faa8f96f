"""Predictions against the outcome in numbers: the rows behind the curves of each task."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Task
from capflow_assets.training.card.record import Calibration, Rows
from capflow_assets.training.evaluation import ranking
from capflow_assets.training.evaluation.curves import assign_tenths
from capflow_assets.training.evaluation.units import align_predictions, count_units

if TYPE_CHECKING:
    import pandas as pd


def compare_with_outcome(task: Task, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    """Return one row per tenth of the units (highest predictions first), rank, segment or label.

    binary: `predicted`, `actual`, `lift` (actual over the average) and `captured`, the share of all positives in this
    tenth or one above; regression: the same of values; ranking: `share` who bought what was at that rank; segment:
    `actual` mean value; choice: `right`, the share predicted right; uplift: the response of `treated` and `held_back`,
    and their difference `gained`. A number that cannot be known is None.
    """
    return _ROWS[task](outcome, prediction)


def measure_calibration(rows: Rows) -> Calibration:
    """Return the calibration of a binary model from its rows: the means, and the expected calibration error.

    `error` is the mean distance of `predicted` and `actual` over tenths, weighted by their units; `chance` is about
    what it would be for perfect probabilities: 0.8 standard errors of a share of so few.
    Source: Naeini, Cooper & Hauskrecht (2015), AAAI-15; with tenths of equal size.
    """
    units = sum(row["units"] for row in rows)
    return Calibration(
        predicted=sum(row["predicted"] * row["units"] for row in rows) / units,
        actual=sum(row["actual"] * row["units"] for row in rows) / units,
        error=sum(abs(row["predicted"] - row["actual"]) * row["units"] for row in rows) / units,
        chance=sum((2 / pi * row["predicted"] * (1 - row["predicted"]) * row["units"]) ** 0.5 for row in rows) / units,
    )


def mean_outcome(task: Task, outcome: pd.DataFrame) -> float | None:
    """Return the mean outcome: the share of positives, the mean value, items per unit, or the largest label's share."""
    if outcome.empty:
        return None
    if task == "ranking":
        return len(outcome.drop_duplicates()) / count_units(task, outcome)
    if task == "choice":
        return float(outcome["label"].value_counts(normalize=True).iloc[0])
    return float(outcome["value" if task in ("regression", "segment") else "label"].mean())


def _by_score(truth: str, guess: str) -> Callable[[pd.DataFrame, pd.DataFrame], Rows]:
    def by_tenth(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
        import pandas as pd

        predicted = align_predictions(outcome, prediction, guess).to_numpy(dtype=float)
        actual = outcome[truth].to_numpy(dtype=float)
        grouped = pd.DataFrame({"predicted": predicted, "actual": actual}).groupby(assign_tenths(predicted))
        rows = grouped.mean().assign(units=grouped.size(), sum=grouped["actual"].sum())
        total = float(actual.sum()) if (actual >= 0).all() else 0.0
        rows["lift"] = rows["actual"] / actual.mean() if total else None
        rows["captured"] = rows["sum"].cumsum() / total if total else None
        return _plain(rows.drop(columns="sum").reset_index(names="tenth").assign(tenth=lambda f: f["tenth"] + 1))

    return by_tenth


def _by_rank(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    units = count_units("ranking", outcome)
    bought = ranking.hits(outcome, prediction)["rank"].value_counts()
    return [
        {"rank": rank, "units": units, "share": int(bought.get(rank, 0)) / units} for rank in range(1, ranking.TOP + 1)
    ]


def _by_segment(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    import pandas as pd

    label = align_predictions(outcome, prediction, "label").astype(str).to_numpy()
    grouped = pd.DataFrame({"label": label, "actual": outcome["value"].to_numpy(dtype=float)}).groupby("label")
    rows = grouped.mean().assign(units=grouped.size()).sort_values("actual", ascending=False, kind="stable")
    return _plain(rows.assign(share=rows["units"] / len(outcome)).reset_index())


def _by_label(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    import pandas as pd

    predicted = align_predictions(outcome, prediction, "label").astype(str).to_numpy()
    actual = outcome["label"].astype(str).to_numpy()
    grouped = pd.DataFrame({"label": actual, "right": actual == predicted}).groupby("label")["right"]
    rows = pd.DataFrame({"units": grouped.size(), "right": grouped.mean()})
    return _plain(rows.sort_values("units", ascending=False, kind="stable").reset_index())


def _by_uplift(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    import pandas as pd

    score = align_predictions(outcome, prediction, "score", truths=2).to_numpy(dtype=float)
    label, treated = outcome["label"].to_numpy(dtype=float), outcome["treated"].to_numpy() == 1
    frame = pd.DataFrame({"predicted": score, "treated": label, "held_back": label})
    frame["treated"], frame["held_back"] = frame["treated"].where(treated), frame["held_back"].where(~treated)
    grouped = frame.groupby(assign_tenths(score))
    rows = grouped.mean().assign(units=grouped.size())
    rows["gained"] = rows["treated"] - rows["held_back"]
    return _plain(rows.reset_index(names="tenth").assign(tenth=lambda f: f["tenth"] + 1))


def _plain(frame: pd.DataFrame) -> Rows:
    """Return rows of plain values, None for what is not known."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()} for row in rows
    ]


_ROWS: dict[Task, Callable[[pd.DataFrame, pd.DataFrame], Rows]] = {
    "binary": _by_score("label", "score"),
    "regression": _by_score("value", "value"),
    "ranking": _by_rank,
    "segment": _by_segment,
    "choice": _by_label,
    "uplift": _by_uplift,
}
