"""Reads verticals.yaml, an operator's own bounds for each vertical, and explains every mistake in it by its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from partitions.customer_file import CustomerFileError
from partitions.form import Form

Verticals = Mapping[str, Mapping[str, float]]


class VerticalsFileError(CustomerFileError):
    """A verticals.yaml with mistakes: the text has one line for each."""


def load_verticals(path: Path, known: Collection[str]) -> Verticals:
    """Return thresholds by vertical and KPI, {} if there is no such file; `known` are the names of all KPIs.

    Raises VerticalsFileError, which explains every mistake at once.
    """
    if not path.exists():
        return {}
    form = Form(path.name, {})
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        form.note(None, f"the file cannot be read ({type(error).__name__}); save it as UTF-8 text that you may read")
        raise VerticalsFileError(form.problems) from None
    root = form.compose(content) if re.search(r"^\s*[^#\s]", content, re.MULTILINE) else None
    bounds: dict[str, dict[str, float]] = {}
    for name, node in form.entries(root, "verticals.yaml").items():
        if normalise_vertical(name) in bounds:
            form.note(node, f"vertical '{name}' appears twice; keep one of them")
        entries = form.entries(node, name, known)
        bounds[normalise_vertical(name)] = {key: form.number(value, f"{name}.{key}") for key, value in entries.items()}
    if form.problems:
        raise VerticalsFileError(sorted(form.problems, key=lambda problem: problem.line))
    return bounds


def normalise_vertical(name: str) -> str:
    """Return the form in which all spellings of a vertical are the same: food_and_beverage for "Food & Beverage"."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("&", " and ")).strip("_")
