"""Comparison over customers: where one way to predict is surely better than another, where worse, and on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Literal

from capflow_assets.training.evaluation.metrics import Z95, Metric, PairedDifference
from capflow_assets.training.evaluation.promotion import CAUTION

Verdict = Literal["win", "tie", "loss", "not compared"]


@dataclass(frozen=True)
class Comparison:
    """One customer: by how much the model is better than its rival on the same test users, and how sure that is.

    `gain` is in the metric's better direction; of money it is a share of the rival's error. `reason` says why a
    customer was not compared.
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
    """Many customers: wins, ties and losses (95 % each), and the mean gain with its 95 % interval over customers."""

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
        """Whether the mean gain is above 0 with 90 % confidence: what a promotion by wave rests on."""
        if self.gain is None or self.low is None:
            return False
        return self.gain - CAUTION / Z95 * (self.gain - self.low) > 0


def compare_values(
    customer: str,
    vertical: str,
    judged: Metric,
    paired: PairedDifference,
    value: float,
    rival: float,
    cpu_seconds: float,
) -> Comparison:
    """What a paired difference on one customer's test users comes to."""
    scale = abs(rival) if judged.in_money and rival else 1.0
    gain, error = judged.gain(paired.difference) / scale, paired.standard_error / scale
    verdict: Verdict = "win" if gain > Z95 * error else "loss" if gain < -Z95 * error else "tie"
    return Comparison(customer, vertical, verdict, gain, error, value, rival, paired.users, cpu_seconds)


def summarise(found: Sequence[Comparison]) -> Summary:
    """All customers together. One customer alone has no interval over customers."""
    told = [one for one in found if one.verdict != "not compared"]
    gains = [one.gain for one in told]
    middle = mean(gains) if gains else None
    reach = Z95 * stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else None
    count = {verdict: sum(one.verdict == verdict for one in found) for verdict in ("win", "tie", "loss")}
    return Summary(
        customers=len(found),
        wins=count["win"],
        ties=count["tie"],
        losses=count["loss"],
        not_compared=len(found) - len(told),
        gain=middle,
        low=None if middle is None or reach is None else middle - reach,
        high=None if middle is None or reach is None else middle + reach,
        cpu_seconds=sum(one.cpu_seconds for one in found),
    )


def summarise_by_vertical(found: Sequence[Comparison]) -> Mapping[str, Summary]:
    """The summary of each vertical."""
    names = sorted({one.vertical for one in found})
    return {name: summarise([one for one in found if one.vertical == name]) for name in names}
