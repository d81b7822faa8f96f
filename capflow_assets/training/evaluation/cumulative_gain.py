"""Measures by cumulative gain, units in the order of a prediction: the Gini of spend and the Qini area of uplift."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def spend_gini(spend: np.ndarray, place: np.ndarray, best: np.ndarray) -> float:
    """Return the normalised Gini of an order by predicted spend: 0 is random, 1 is the order by the spend itself.

    `place` and `best` are ranks from 0 by the prediction and by the spend; tied users count as if in random order. 0 if
    all spent the same. Only the order is measured, not the level: the mean absolute error of spend is least for its
    median, which is 0 where most shoppers stay away, and the mean square is decided by a handful of large buyers.
    Source: Wang, Liu & Miao (2019), A Deep Probabilistic Model for Customer Lifetime Value Prediction.
    """
    best_gini = _gini(spend, best)
    return _gini(spend, place) / best_gini if best_gini > 0 else 0.0


def _gini(spend: np.ndarray, place: np.ndarray) -> float:
    import numpy as np

    total = spend.sum()
    if not total:
        return 0.0
    people = np.append(0.0, np.cumsum(np.bincount(place)) / len(spend))
    share_of_spend = np.append(0.0, np.cumsum(np.bincount(place, spend)) / total)
    return float(2 * np.trapezoid(share_of_spend, people) - 1)


def qini(treated: np.ndarray, label: np.ndarray, score: np.ndarray) -> float:
    """Return the Qini area: additional responses per person from contacting the highest scores first, not at random.

    The area between the Qini curve and the straight line to its end, both per person and over the share contacted; ties
    count as if in random order. Above 0 is better than random. Raises ValueError if everybody, or nobody, was
    contacted. Source: Radcliffe (2007), Using control groups to target on predicted lift.
    """
    import numpy as np

    people, gained = qini_curve(treated, label, score)
    return float(np.trapezoid(gained, people) - gained[-1] / 2)


def qini_curve(treated: np.ndarray, label: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of people contacted, highest scores first, and the additional responses per person.

    Raises ValueError if everybody, or nobody, was contacted.
    """
    import numpy as np

    if not treated.any() or treated.all():
        raise ValueError("qini needs people who were contacted and people who were held back; there is one kind only.")
    order = np.argsort(-score, kind="stable")
    treated, label, score = treated[order], label[order], score[order]
    ends = np.flatnonzero(np.append(np.diff(score) != 0, True))
    control = 1.0 - treated
    contacted, held_back, responses, baseline_responses = (
        np.append(0.0, np.cumsum(part)[ends]) for part in (treated, control, treated * label, control * label)
    )
    people = np.append(0.0, ends + 1.0) / len(score)
    return people, (responses - baseline_responses * contacted / np.maximum(held_back, 1.0)) / len(score)
