"""Numbers, units and metrics in the words of a retailer's analyst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from capflow_assets.contract.model import Task
from capflow_assets.training.card.record import Gain

MEANING = {
    "auc": "How often a user for whom it came true ranks above one for whom it did not: 0.5 is guessing, 1 is perfect.",
    "brier": "How far probabilities are off, squared: 0 is perfect, lower is better.",
    "mae": "How far a predicted value is off on average: 0 is perfect, lower is better.",
    "ndcg_at_10": "How well the first ten, and their order, match what came true: 0 is not at all, 1 is perfect.",
    "recall_at_10": "The share of what came true that was among the first ten: 1 is perfect.",
    "accuracy": "The share of labels that were predicted right: 1 is perfect.",
    "qini": "How many more people respond, per person, if high scores are contacted first: 0 is no better than random.",
    "variance_explained": "The share of the differences in later spend that segments explain: 0 is nothing, 1 is all.",
}

MEAN_OUTCOME: Mapping[Task, str] = {
    "binary": "share for whom it came true",
    "regression": "mean value",
    "ranking": "came true for each",
    "segment": "mean later spend",
    "choice": "share of the most frequent label",
    "uplift": "share who responded",
}
SHARES: tuple[Task, ...] = ("binary", "choice", "uplift")

_UNITS = {"user_id": "user", "item_id": "item", "media_id": "file"}


def unit_noun(unit: Sequence[str]) -> str:
    """Return what is predicted as one plural word, for a table's head: "users", "pairs"."""
    return unit_words(unit).partition(" of ")[0]


def unit_words(unit: Sequence[str]) -> str:
    """Return what is predicted, in the plural: "users", "pairs of user and channel"."""
    names = [_UNITS.get(column, column.removesuffix("_id").replace("_", " ")) for column in unit]
    if len(names) == 1:
        return f"{names[0]}s"
    return f"{'pairs' if len(names) == 2 else 'sets'} of {', '.join(names[:-1])} and {names[-1]}"


def count_words(number: float, word: str) -> str:
    """Return a number of things: "1 day", "60 days of history"."""
    first, _, rest = word.partition(" ")
    return f"{number:,} {first}{'' if number == 1 else 's'}{' ' + rest if rest else ''}"


def format_metric(value: float | None) -> str:
    """Format a metric with the digits that matter."""
    if value is None:
        return "not known"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"


def format_amount(value: float | None) -> str:
    """Format money or a count."""
    if value is None:
        return "not known"
    return f"{value:,.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def format_share(share: float | None) -> str:
    """Format a share of 0 to 1 as a percentage."""
    if share is None:
        return "not known"
    return f"{share * 100:.1f} %" if abs(share) >= 0.001 or share == 0 else f"{share * 100:.2f} %"


def format_interval(low: float | None, high: float | None) -> str:
    """Format an interval; "" if it is not known."""
    return "" if low is None or high is None else f"{format_metric(low)} to {format_metric(high)}"


def format_gain(gain: Gain | None) -> str:
    """Format how much better it is on the same units (below 0: worse), with the interval, and if it may be chance."""
    if gain is None:
        return ""
    better, low, high = (
        f"{'+' if value >= 0 else ''}{format_metric(value)}" for value in (gain.gain, gain.low, gain.high)
    )
    return f"{better} ({low} to {high}){', may be chance' if gain.low <= 0 <= gain.high else ''}"


def format_value(value: Any) -> str:
    """Format a parameter or fact of any kind in one line."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {format_value(one)}" for name, one in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(format_value, value)) or "none"
    return str(value)
