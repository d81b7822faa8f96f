"""Shared words: informative words that two descriptions have in common, to explain a similarity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from capflow_assets.features.embeddings.tokens import plain_text, tokenise

MOST_WORDS = 3
SHORTEST = 3
EVERYWHERE, OFTEN = 0.2, 10  # a word that stands in more than this share of all texts, and so many, tells nothing


class SharedWords:
    """The informative words of texts: three letters or more, and in at most a fifth of all texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        found = [{word for word in tokenise(plain_text(text)) if len(word) >= SHORTEST} for text in texts]
        self._count: Mapping[str, int] = Counter(word for words in found for word in words)
        most = max(OFTEN, int(EVERYWHERE * len(found)))
        telling = {word for word, count in self._count.items() if 2 <= count <= most}
        self._words = [words & telling for words in found]

    def of(self, one: int, other: int) -> list[str]:
        """Return up to three words that both texts hold, the rarest first."""
        both = self._words[one] & self._words[other]
        return sorted(both, key=lambda word: (self._count[word], word))[:MOST_WORDS]
