"""Promotion: whether a new version becomes the champion, and why, in words with the numbers."""

from __future__ import annotations

from dataclasses import dataclass

from capflow_assets.contract.model import Promotion
from capflow_assets.training.evaluation.metrics import Evaluation, Metric, PairedDifference, metric

CAUTION = 1.28  # standard errors: a 90 % one-sided bound


@dataclass(frozen=True)
class PromotionDecision:
    """Whether the challenger is promoted, and the reason that people read."""

    promoted: bool
    reason: str


def decide_promotion(
    challenger: Evaluation,
    baseline: Evaluation,
    champion: Evaluation | None,
    promotion: Promotion,
    paired: PairedDifference | None,
) -> PromotionDecision:
    """Promote when the challenger beats the baseline and, where there is a champion, very likely does not lose to it.

    All are evaluated on the same test users; `paired` is challenger less champion on them (Metric.paired). The rule:
    gain over the baseline above 0 and at least `over_baseline`; gain over the champion above 0 with
    gain - 1.28 standard errors > -`tolerance`. For metrics in money both bounds are shares of the rival's error.

    Raises ValueError when the evaluations are of different metrics, or a champion comes without `paired`.
    """
    judged = metric(challenger.metric)
    for other in (baseline, champion):
        if other is not None and other.metric != challenger.metric:
            raise ValueError(f"Cannot compare {challenger.metric} with {other.metric}: evaluate both by one metric.")
    if champion is not None and paired is None:
        raise ValueError(
            "A champion must be compared on the same users: pass Metric.paired(outcome, challenger, champion)."
        )
    against_baseline = _baseline(judged, challenger, baseline, promotion)
    if not against_baseline.promoted or champion is None or paired is None:
        return against_baseline
    return _champion(judged, challenger, champion, promotion, paired)


def _baseline(judged: Metric, challenger: Evaluation, baseline: Evaluation, promotion: Promotion) -> PromotionDecision:
    gain = judged.gain(challenger.value - baseline.value)
    wanted = promotion.over_baseline * (abs(baseline.value) if judged.in_money else 1.0)
    told = f"{judged.title} {_number(challenger.value)} against {_number(baseline.value)} of the baseline"
    if gain > 0 and gain >= wanted:
        return PromotionDecision(True, f"{told}: better by {_number(gain)}; there is no champion yet")
    if gain > 0:
        return PromotionDecision(False, f"{told}: better by {_number(gain)}, but {_number(wanted)} is asked for")
    return PromotionDecision(False, f"{told}: not better than the baseline")


def _champion(
    judged: Metric, challenger: Evaluation, champion: Evaluation, promotion: Promotion, paired: PairedDifference
) -> PromotionDecision:
    gain = judged.gain(paired.difference)
    tolerance = promotion.tolerance * (abs(champion.value) if judged.in_money else 1.0)
    worst = gain - CAUTION * paired.standard_error
    told = (
        f"{judged.title} {_number(challenger.value)} against {_number(champion.value)} of the champion "
        f"on {paired.users:,} users"
    )
    if gain <= 0:
        return PromotionDecision(False, f"{told}: not better")
    sure = f"better by {_number(gain)} ± {_number(paired.standard_error)}, at worst {_number(worst)}"
    if worst > -tolerance:
        return PromotionDecision(True, f"{told}: {sure}, within the tolerance of {_number(tolerance)}")
    return PromotionDecision(
        False, f"{told}: {sure}, which is a bigger risk than the tolerance of {_number(tolerance)}"
    )


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"
