"""Shared words: rare ones first, and what stands everywhere says nothing."""

from __future__ import annotations

from capflow_assets.methods.recommend.shared_words import SharedWords


def test_telling_words_are_named_the_rarest_first() -> None:
    texts = ["Set of red heart candles", "Set of RED heart lights", "Set of red mugs"]
    texts += [f"Set of thing number {letter * 3}" for letter in "abcdefghijkl"]
    words = SharedWords(texts)
    assert words.of(0, 1) == ["heart", "red"]
    assert words.of(0, 2) == ["red"]
    assert words.of(0, 5) == []  # "set" and "of" are everywhere


def test_no_description_shares_nothing() -> None:
    assert SharedWords(["", ""]).of(0, 1) == []
