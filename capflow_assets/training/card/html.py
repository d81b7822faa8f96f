"""A card as a self-contained HTML file: no script, nothing from outside, the picture inside."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.training.card.card import Card
from capflow_assets.training.card.sections import build_sections, last_decision, picture_description, title

if TYPE_CHECKING:
    from jinja2 import Environment


def as_html(card: Card, picture: bytes | None = None) -> str:
    """Render the whole card; `picture` is the PNG of the curves of the test date."""
    return (
        _templates()
        .get_template("card.html.j2")
        .render(
            card=card,
            title=title(card),
            decision=last_decision(card),
            sections=build_sections(card),
            picture=b64encode(picture).decode("ascii") if picture else "",
            picture_description=picture_description(card.task),
        )
    )


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from capflow_assets.validation.html.page import TEMPLATES

    loader = FileSystemLoader([Path(__file__).parent / "templates", TEMPLATES])
    # Columns, levels and reasons come from a retailer's data: nothing is shown without being escaped.
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
