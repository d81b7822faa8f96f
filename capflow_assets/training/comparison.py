"""Comparisons summed up over customers: wins, ties, losses and the mean gain, each with its uncertainty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

from capflow_assets.training.evaluation.metrics import Z95, Metric, PairedDifference
from capflow_assets.training.evaluation.promotion import CAUTION

Verdict = Literal["win", "tie", "loss", "not compared"]


@dataclass(frozen=True)
class Comparison:
    """One customer: how much better the model is than its rival on the same test users, and how certain that is.

    `gain` is in the metric's better direction; for metrics in money it is a share of the rival's error.
    `reason` says why a customer was not compared.
    """

    customer: str
    vertical: str
    verdict: Verdict
    gain: float = 0.0
    standard_error: float = 0.0
    value: float | None = None
    rival: float | None = None
    users: int = 0
    cpu_seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Summary:
    """All customers: wins, ties and losses (95 % each), and the mean gain with its 95 % interval over customers."""

    customers: int
    wins: int
    ties: int
    losses: int
    not_compared: int
    gain: float | None
    low: float | None
    high: float | None
    cpu_seconds: float

    @property
    def surely_better(self) -> bool:
        """Whether the mean gain is above 0 with 90 % confidence, which promotion by wave requires."""
        if self.gain is None or self.low is None:
            return False
        return self.gain - CAUTION / Z95 * (self.gain - self.low) > 0


def compare_values(
    customer: str,
    vertical: str,
    measure: Metric,
    paired: PairedDifference,
    value: float,
    rival: float,
    cpu_seconds: float,
) -> Comparison:
    """Return one customer's verdict (win, tie or loss at 95 %) from the paired difference on its test users."""
    scale = abs(rival) if measure.in_money and rival else 1.0
    gain, error = measure.gain(paired.difference) / scale, paired.standard_error / scale
    verdict: Verdict = "win" if gain > Z95 * error else "loss" if gain < -Z95 * error else "tie"
    return Comparison(customer, vertical, verdict, gain, error, value, rival, paired.users, cpu_seconds)


def summarise(comparisons: Sequence[Comparison]) -> Summary:
    """Return the summary of all customers. A single customer has no interval over customers."""
    gains = [comparison.gain for comparison in comparisons if comparison.verdict != "not compared"]
    gain = mean(gains) if gains else None
    reach = Z95 * stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else None
    counts = Counter(comparison.verdict for comparison in comparisons)
    return Summary(
        customers=len(comparisons),
        wins=counts["win"],
        ties=counts["tie"],
        losses=counts["loss"],
        not_compared=counts["not compared"],
        gain=gain,
        low=None if gain is None or reach is None else gain - reach,
        high=None if gain is None or reach is None else gain + reach,
        cpu_seconds=sum(comparison.cpu_seconds for comparison in comparisons),
    )


def summarise_by_vertical(comparisons: Sequence[Comparison]) -> Mapping[str, Summary]:
    """Return the summary of each vertical, by name."""
    names = sorted({comparison.vertical for comparison in comparisons})
    return {name: summarise([one for one in comparisons if one.vertical == name]) for name in names}
