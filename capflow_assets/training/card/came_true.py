"""What came true against what was predicted, in numbers: the rows behind the curves of each task."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.model import Task
from capflow_assets.training.evaluation import ranking
from capflow_assets.training.evaluation.curves import assign_tenths
from capflow_assets.training.evaluation.units import align_predictions, count_units

if TYPE_CHECKING:
    import pandas as pd

Rows = list[dict[str, Any]]


def compare_with_outcome(task: Task, outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    """A row for each tenth of the units (highest predictions first), each rank, segment or label.

    binary: `predicted`, `actual`, `lift` (actual over the average) and `captured`, the share of all who did that are in
    this tenth or one above; regression: the same of values; ranking: `share` who bought what was at that rank; segment:
    `actual` mean value; choice: `right`, the share told right; uplift: what `treated` and `held_back` answered, and
    their difference `gained`. A number that cannot be known is None.
    """
    return _ROWS[task](outcome, prediction)


def calibration(rows: Rows) -> dict[str, float]:
    """How well probabilities are meant, from the rows of a binary model: the means, and the expected calibration error.

    The `error` is the mean distance of `predicted` and `actual` over tenths, weighted by their units; `chance` is what
    it would be, about, of probabilities that are right: 0.8 standard errors of a share of so few.
    Source: Naeini, Cooper & Hauskrecht (2015), AAAI-15; with tenths of equal size.
    """
    units = sum(row["units"] for row in rows)
    return {
        "predicted": sum(row["predicted"] * row["units"] for row in rows) / units,
        "actual": sum(row["actual"] * row["units"] for row in rows) / units,
        "error": sum(abs(row["predicted"] - row["actual"]) * row["units"] for row in rows) / units,
        "chance": sum((2 / pi * row["predicted"] * (1 - row["predicted"]) * row["units"]) ** 0.5 for row in rows)
        / units,
    }


def mean_outcome(task: Task, outcome: pd.DataFrame) -> float | None:
    """What came true on average: the share who did, the mean value, items bought a unit, the largest label's share."""
    if outcome.empty:
        return None
    if task == "ranking":
        return len(outcome.drop_duplicates()) / count_units(task, outcome)
    if task == "choice":
        return float(outcome["label"].value_counts(normalize=True).iloc[0])
    return float(outcome["value" if task in ("regression", "segment") else "label"].mean())


def _by_score(truth: str, guess: str) -> Callable[[pd.DataFrame, pd.DataFrame], Rows]:
    def rows(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
        import pandas as pd

        predicted = align_predictions(outcome, prediction, guess).to_numpy(dtype=float)
        actual = outcome[truth].to_numpy(dtype=float)
        grouped = pd.DataFrame({"predicted": predicted, "actual": actual}).groupby(assign_tenths(predicted))
        found = grouped.mean().assign(units=grouped.size(), total=grouped["actual"].sum())
        whole = float(actual.sum()) if (actual >= 0).all() else 0.0
        found["lift"] = found["actual"] / actual.mean() if whole else None
        found["captured"] = found["total"].cumsum() / whole if whole else None
        return _plain(found.drop(columns="total").reset_index(names="tenth").assign(tenth=lambda f: f["tenth"] + 1))

    return rows


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
    found = grouped.mean().assign(units=grouped.size()).sort_values("actual", ascending=False, kind="stable")
    return _plain(found.assign(share=found["units"] / len(outcome)).reset_index())


def _by_label(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    import pandas as pd

    told = align_predictions(outcome, prediction, "label").astype(str).to_numpy()
    true = outcome["label"].astype(str).to_numpy()
    grouped = pd.DataFrame({"label": true, "right": true == told}).groupby("label")["right"]
    found = pd.DataFrame({"units": grouped.size(), "right": grouped.mean()})
    return _plain(found.sort_values("units", ascending=False, kind="stable").reset_index())


def _by_gain(outcome: pd.DataFrame, prediction: pd.DataFrame) -> Rows:
    import pandas as pd

    score = align_predictions(outcome, prediction, "score", truths=2).to_numpy(dtype=float)
    label, treated = outcome["label"].to_numpy(dtype=float), outcome["treated"].to_numpy() == 1
    frame = pd.DataFrame({"predicted": score, "treated": label, "held_back": label})
    frame["treated"], frame["held_back"] = frame["treated"].where(treated), frame["held_back"].where(~treated)
    grouped = frame.groupby(assign_tenths(score))
    found = grouped.mean().assign(units=grouped.size())
    found["gained"] = found["treated"] - found["held_back"]
    return _plain(found.reset_index(names="tenth").assign(tenth=lambda f: f["tenth"] + 1))


def _plain(frame: pd.DataFrame) -> Rows:
    """Rows of plain values, None for what is not known."""
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
    "uplift": _by_gain,
}
