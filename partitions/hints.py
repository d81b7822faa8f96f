"""Hints at the end of an error about a wrong word: the likeliest right word, or the choices there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, choices: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the choice most like `word`, upper and lower case being the same; None if all are below `cutoff` (0..1).

    The similarity is that of difflib.SequenceMatcher. Of choices that differ only in case the first one is returned.
    """
    by_lower_case = {choice.lower(): choice for choice in reversed(list(choices))}
    matches = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=cutoff)
    return by_lower_case[matches[0]] if matches else None


def did_you_mean(word: str, choices: Iterable[str], otherwise: str | None = None) -> str:
    """Return "; did you mean 'x'?" for the closest choice, else `otherwise`.

    `otherwise` is "; choose from a, b" by default, and "" where there are no choices.
    """
    listed = list(choices)
    if match := closest(word, listed):
        return f"; did you mean '{match}'?"
    if otherwise is not None:
        return otherwise
    return f"; choose from {', '.join(listed)}" if listed else ""
