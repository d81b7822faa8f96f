"""The reasons that a model gives most often, numbers left open: "last visit … days ago" for half of the users."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from string import Formatter

from capflow_assets.training.card.record import FrequentReason

MAX_REASONS, MAX_LENGTH = 10, 160
OPEN = "…"
_DIGITS = r"-?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.,-]){_DIGITS}(?:(?:st|nd|rd|th)\b)?")


def most_frequent(
    reasons: Iterable[Iterable[str]], phrases: Mapping[str, str], limit: int = MAX_REASONS
) -> list[FrequentReason]:
    """Return the most frequent reasons, each with the share of predictions that give it and its most common text.

    `phrases` are the texts that the model fills with a number (facts["phrases"]): "in the last 90 days" then keeps its
    90. In a text that comes from no phrase every number is left open.
    """
    patterns = _Phrases(phrases)
    counts: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    pattern_of: dict[str, str] = {}
    predictions = 0
    for given in reasons:
        predictions += 1
        texts.update(given)
        for text in given:
            if text not in pattern_of:
                pattern_of[text] = patterns.find(text)
        counts.update({pattern_of[text] for text in given})
    examples = {pattern_of[text]: text for text, _ in sorted(texts.items(), key=lambda item: (item[1], item[0]))}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return [
        FrequentReason(_shorten(reason), count / predictions, _shorten(examples[reason])) for reason, count in ranked
    ]


class _Phrases:
    """Finds the phrase that a text was made from; phrases that are alike without their numbers are tried in turn."""

    def __init__(self, phrases: Mapping[str, str]) -> None:
        self._alike: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for phrase in dict.fromkeys(phrases.values()):
            pattern, opened, example = _parts(phrase)
            self._alike.setdefault(_without_numbers(example), []).append((re.compile(pattern), opened))

    def find(self, text: str) -> str:
        plain = _without_numbers(text)
        for pattern, opened in self._alike.get(plain, ()):
            if pattern.fullmatch(text):
                return opened
        return plain


@cache
def _parts(phrase: str) -> tuple[str, str, str]:
    """Return a phrase as a pattern of its texts, with its numbers left open, and filled with a 1."""
    pattern, opened, example = "", "", ""
    for literal, field, spec, _ in Formatter().parse(phrase):
        pattern, opened, example = pattern + re.escape(literal), opened + literal, example + literal
        if field is not None:
            percent = "%" if str(spec).endswith("%") else ""
            pattern, opened, example = pattern + _DIGITS + percent, opened + OPEN + percent, example + "1" + percent
    return pattern, opened, example


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}{OPEN}"


def _without_numbers(text: str) -> str:
    return _NUMBER.sub(OPEN, text)
