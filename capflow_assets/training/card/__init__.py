"""The card of a model version: what it is, how good it is and for whom, and what it must not be used for."""

from capflow_assets.training.card.facts import build_card, build_test_record
from capflow_assets.training.card.html import as_html
from capflow_assets.training.card.markdown import as_markdown, in_brief

__all__ = ["as_html", "as_markdown", "build_card", "build_test_record", "in_brief"]
