"""Blending: how much say each of several models gets, by how well they do together on rows that they had not seen.

Source: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble Selection from Libraries of Models: it starts from the
mean of all good members, which a few rows cannot overrule, then adds members one at a time, with replacement, as long
as the loss of the mean gets less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MOST_STEPS = 10
CLEARLY_WORSE = 0.05  # of the best member's loss: such a member has no say
LEAST_GAIN = 1e-3  # of the loss: below that it is chance


def blend(members: Sequence[np.ndarray], loss: Callable[[np.ndarray], float]) -> list[float]:
    """The weight of each member, summing to 1; `members` are their scores of the same rows, `loss` judges a mean."""
    losses = [loss(member) for member in members]
    good = [number for number, one in enumerate(losses) if one <= min(losses) + CLEARLY_WORSE * abs(min(losses))]
    chosen = list(good)
    total = sum((members[number] for number in good[1:]), members[good[0]].copy())
    best = loss(total / len(chosen))
    for _ in range(MOST_STEPS):
        tried = {number: loss((total + members[number]) / (len(chosen) + 1)) for number in good}
        number = min(tried, key=lambda one: tried[one])
        if tried[number] >= best - LEAST_GAIN * abs(best):
            break
        chosen.append(number)
        total, best = total + members[number], tried[number]
    return [chosen.count(number) / len(chosen) for number in range(len(members))]
