"""The words of a description: without markup, in one spelling, in any script."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

SHORTEST, LONGEST = 2, 40

_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[/!?]?[a-zA-Z][^<>]{0,200}>")
_SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")  # Thai to Chinese


def plain_text(text: str) -> str:
    """Return the text as a shopper reads it: no tags, entities resolved, one form of each letter, single blanks."""
    shown = html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def tokenise(text: str) -> list[str]:
    """Return the words of a `plain_text` in lower case, without numbers, single letters and words over 40 letters.

    Scripts that put no blanks between words give pairs of neighbouring signs instead.
    """
    found: list[str] = []
    for word in _word().findall(text.casefold()):
        rest = _SPACELESS.sub(" ", word)
        if rest != word:
            for run in _SPACELESS.findall(word):
                found += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
        found += [part for part in rest.split() if SHORTEST <= len(part) <= LONGEST and not part.isdigit()]
    return found


@cache
def _word() -> re.Pattern[str]:
    """Match letters and digits with their marks: Python's \\w lacks vowel signs, without which Hindi falls apart."""
    marks = "".join(
        re.escape(chr(code)) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M")
    )
    return re.compile(f"(?:[^\\W_][{marks}]*)+(?:['\u2019](?:[^\\W_][{marks}]*)+)*")
