"""Blending: how much say each of several models gets, by how well they do together on rows that they had not seen.

Source: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble Selection from Libraries of Models: members are added
one at a time, with replacement, as long as the loss of the mean gets less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MOST_STEPS = 10
LEAST_GAIN = 1e-3  # of the loss: below that another family is not worth its time


def blend(members: Sequence[np.ndarray], loss: Callable[[np.ndarray], float]) -> list[float]:
    """The weight of each member, summing to 1; `members` are their scores of the same rows, `loss` judges a mean."""
    import numpy as np

    chosen = [int(np.argmin([loss(member) for member in members]))]
    total = members[chosen[0]].copy()
    best = loss(total)
    for size in range(2, MOST_STEPS + 1):
        losses = [loss((total + member) / size) for member in members]
        number = int(np.argmin(losses))
        if losses[number] >= best - LEAST_GAIN * abs(best) and number not in chosen:
            break
        if losses[number] >= best:
            break
        chosen.append(number)
        total, best = total + members[number], losses[number]
    return [chosen.count(number) / len(chosen) for number in range(len(members))]
