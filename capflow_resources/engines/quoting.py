"""Names and values as SQL text, with every character that ends them doubled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def quote_name(name: str, quote: str = '"') -> str:
    """Return the name of a column or table in SQL; `quote` is the dialect's quotation mark (MySQL's is a backtick)."""
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


def quote_literal(value: Any) -> str:
    """Return a value in SQL: a text in single quotes, a number as it is, a mapping or list in DuckDB's own notation."""
    if isinstance(value, str):
        return quote_name(value, "'")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quote_literal(key)}: {quote_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(quote_literal, value)) + "]"
    return str(value)
