"""A card as Markdown: for a terminal, a file, and, in brief, the metadata of an asset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from capflow_assets.training.card.card import Card
from capflow_assets.training.card.sections import (
    CardTable,
    Section,
    build_sections,
    last_decision,
    picture_description,
    title,
)
from capflow_assets.validation.plots import png_markdown

MAX_LENGTH = 240
_SPECIAL = re.compile(r"([\\`*\[\]<>|~]|&(?=#?\w+;)|(?<!\w)_|_(?!\w))")
_AT_START = re.compile(r"^(\s*)(#|[-+](?=\s)|\d+(?=[.)]\s))")


def as_markdown(card: Card, picture: bytes | None = None) -> str:
    """Render the whole card, with `picture`, the curves of the test date, inside."""
    lines = [f"# {safe(title(card))}", "", f"**{safe(card.status)}**: {safe(last_decision(card))}", ""]
    for section in build_sections(card):
        lines += [f"## {section.title}", "", *_body(section)]
        if section.picture and picture:
            lines += [png_markdown(picture, picture_description(card.task)), ""]
    return "\n".join(lines).rstrip() + "\n"


def in_brief(card: Card) -> str:
    """Render the card in under 60 lines, whatever is on it: how good, what to mind, for whom, and why."""
    lines = [f"**{safe(title(card))}** ({safe(card.status)}): {safe(last_decision(card)[:MAX_LENGTH])}", ""]
    for section in build_sections(card):
        if section.brief:
            lines += [f"**{section.title}**", "", *_body(_shorten(section))]
    return "\n".join([*lines, f"The whole card: `capflow model card {card.customer} {card.model}`"]) + "\n"


def safe(text: str) -> str:
    """Escape a text of a retailer's data to one line, so that none of it is taken for Markdown or HTML."""
    return _AT_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", " ".join(text.split())))


def _shorten(section: Section) -> Section:
    tables = tuple(replace(table, rows=table.rows[: section.brief]) for table in section.tables)
    return replace(section, tables=tables, items=tuple(item[:MAX_LENGTH] for item in section.items[: section.brief]))


def _body(section: Section) -> Iterator[str]:
    for text in section.texts:
        yield from (safe(text), "")
    if section.facts:
        yield from (*(f"- {safe(name)}: {safe(value)}" for name, value in section.facts), "")
    for table in section.tables:
        if table.rows:
            yield from (*_table(table), "")
    if section.items:
        yield from (*(f"- {safe(item)}" for item in section.items), "")


def _table(table: CardTable) -> Iterator[str]:
    yield from (f"{safe(table.caption)}:", "")
    rows = [[safe(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(3, *(len(row[place]) for row in rows)) for place in range(len(table.head))]
    rules = [f"{'-' * (width - 1)}{':' if place in table.numbers else '-'}" for place, width in enumerate(widths)]
    for row in (rows[0], rules, *rows[1:]):
        cells = (
            cell.rjust(width) if place in table.numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"| {' | '.join(cells)} |"
