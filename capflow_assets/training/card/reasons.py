"""The reasons that a model gives most often, its numbers left open: "last visit … days ago" for half of the users."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from string import Formatter
from typing import Any

MOST, LONGEST = 10, 160
OPEN = "…"
_DIGITS = r"-?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.,-]){_DIGITS}(?:(?:st|nd|rd|th)\b)?")


def most_frequent(
    reasons: Iterable[Iterable[str]], phrases: Mapping[str, str], most: int = MOST
) -> list[dict[str, Any]]:
    """The most frequent reasons: `reason`, the `share` of predictions that give it, and the commonest `example`.

    `phrases` are the texts that the model fills with a number (facts["phrases"]): "in the last 90 days" then keeps its
    90. Of texts that come from no phrase every number is left open.
    """
    opened = _Phrases(phrases)
    given: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    pattern_of: dict[str, str] = {}
    predictions = 0
    for told in reasons:
        predictions += 1
        texts.update(told)
        for text in told:
            if text not in pattern_of:
                pattern_of[text] = opened.pattern(text)
        given.update({pattern_of[text] for text in told})
    examples = {pattern_of[text]: text for text, _ in sorted(texts.items(), key=lambda item: (item[1], item[0]))}
    ranked = sorted(given.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [
        {"reason": _cut(reason), "share": count / predictions, "example": _cut(examples[reason])}
        for reason, count in ranked
    ]


class _Phrases:
    """Finds the phrase that a text was made of; those that look alike without their numbers are tried one by one."""

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._alike: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for phrase in dict.fromkeys(phrases.values()):
            pattern, opened, example = _parts(phrase)
            self._alike.setdefault(_without_numbers(example), []).append((re.compile(pattern), opened))

    def pattern(self, text: str) -> str:
        plain = _without_numbers(text)
        for pattern, opened in self._alike.get(plain, ()):
            if pattern.fullmatch(text):
                return opened
        return plain


@cache
def _parts(phrase: str) -> tuple[str, str, str]:
    """A phrase as a pattern of its texts, with its numbers left open, and filled with a 1."""
    pattern, opened, example = "", "", ""
    for literal, field, spec, _ in Formatter().parse(phrase):
        pattern, opened, example = pattern + re.escape(literal), opened + literal, example + literal
        if field is not None:
            percent = "%" if str(spec).endswith("%") else ""
            pattern, opened, example = pattern + _DIGITS + percent, opened + OPEN + percent, example + "1" + percent
    return pattern, opened, example


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}{OPEN}"


def _without_numbers(text: str) -> str:
    return _NUMBER.sub(OPEN, text)
