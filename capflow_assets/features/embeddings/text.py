"""The text of each item that is encoded: its description, category and brand, in one fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.embedding import CONTENT_HASH
from capflow_assets.validation.needs.real_words import ENOUGH_WORDS, count_real_words

if TYPE_CHECKING:
    import ibis

MOST_LETTERS = 4000
LEAST_ITEMS = 10
"""Fewer described items than this say nothing about one another."""


def compose_texts(items: ibis.Table) -> ibis.Table:
    """Return items as item_id, `text` ("Hanging heart. Home, Decoration. Acme"), its `md5`, `described` and `worded`.

    Of a description the first 4,000 letters are taken. `described` items have two real words in their description,
    `worded` ones have any in their text.
    """
    import ibis

    description = items["description"].fill_null("").left(MOST_LETTERS).strip()
    others = [items["category"].replace(" > ", ", "), items["brand"]]
    text = description
    for other in others:
        told = other.fill_null("").left(MOST_LETTERS).strip()
        text = text + ibis.ifelse((text == "") | (told == ""), "", ". ") + told
    composed = items.select("item_id", text=text, described=count_real_words(items["description"]) >= ENOUGH_WORDS)
    return composed.mutate(
        **{CONTENT_HASH: composed["text"].hexdigest("md5"), "worded": count_real_words(composed["text"]) > 0}
    )


def explain_too_few(items: int, described: int) -> str | None:
    """Return why an assortment cannot be embedded, as one sentence; None if it can."""
    if described >= LEAST_ITEMS:
        return None
    return (
        f"{described:,} of {items:,} items have {ENOUGH_WORDS} real words in their description; "
        f"at least {LEAST_ITEMS} are needed"
    )
