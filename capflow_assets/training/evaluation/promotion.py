"""The promotion rule: whether a new version becomes the champion, and why, in words and numbers."""

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
    """Promote if the challenger beats the baseline and, with a champion, very likely does not lose to it.

    All are evaluated on the same test users; `paired` is challenger minus champion on them (Metric.compare_paired). The
    rule: gain over the baseline above 0 and at least `over_baseline`; gain over the champion above 0 with
    gain - 1.28 standard errors > -`tolerance`. For metrics in money both bounds are shares of the rival's error.

    Raises ValueError if the evaluations are of different metrics, or a champion comes without `paired`.
    """
    measure = metric(challenger.metric)
    for other in (baseline, champion):
        if other is not None and other.metric != challenger.metric:
            raise ValueError(f"Cannot compare {challenger.metric} with {other.metric}: evaluate both by one metric.")
    if champion is not None and paired is None:
        raise ValueError(
            "A champion must be compared on the same users: pass Metric.compare_paired(outcome, challenger, champion)."
        )
    against_baseline = _compare_with_baseline(measure, challenger, baseline, promotion)
    if not against_baseline.promoted or champion is None or paired is None:
        return against_baseline
    return _compare_with_champion(measure, challenger, champion, promotion, paired)


def _compare_with_baseline(
    measure: Metric, challenger: Evaluation, baseline: Evaluation, promotion: Promotion
) -> PromotionDecision:
    gain = measure.gain(challenger.value - baseline.value)
    required = promotion.over_baseline * (abs(baseline.value) if measure.in_money else 1.0)
    comparison = f"{measure.title} {_number(challenger.value)} against {_number(baseline.value)} of the baseline"
    if gain > 0 and gain >= required:
        return PromotionDecision(True, f"{comparison}: better by {_number(gain)}; there is no champion yet")
    if gain > 0:
        return PromotionDecision(False, f"{comparison}: better by {_number(gain)}, but {_number(required)} is required")
    return PromotionDecision(False, f"{comparison}: not better than the baseline")


def _compare_with_champion(
    measure: Metric, challenger: Evaluation, champion: Evaluation, promotion: Promotion, paired: PairedDifference
) -> PromotionDecision:
    gain = measure.gain(paired.difference)
    tolerance = promotion.tolerance * (abs(champion.value) if measure.in_money else 1.0)
    worst = gain - CAUTION * paired.standard_error
    comparison = (
        f"{measure.title} {_number(challenger.value)} against {_number(champion.value)} of the champion "
        f"on {paired.users:,} users"
    )
    if gain <= 0:
        return PromotionDecision(False, f"{comparison}: not better")
    gain_text = f"better by {_number(gain)} ± {_number(paired.standard_error)}, at worst {_number(worst)}"
    if worst > -tolerance:
        return PromotionDecision(True, f"{comparison}: {gain_text}, within the tolerance of {_number(tolerance)}")
    return PromotionDecision(
        False, f"{comparison}: {gain_text}, which is a bigger risk than the tolerance of {_number(tolerance)}"
    )


def _number(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"
