"""verticals.yaml: an operator's own bounds for each vertical, with every mistake in it explained by its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from partitions.customer_file import CustomerFileError
from partitions.form import Form

Verticals = Mapping[str, Mapping[str, float]]


class VerticalsFileError(CustomerFileError):
    """A verticals.yaml with mistakes: the text names each on its own line."""


def load_verticals(path: Path, known: Collection[str]) -> Verticals:
    """Thresholds by vertical and figure; nothing where there is no such file. `known` are the figures there are.

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
    found: dict[str, dict[str, float]] = {}
    for name, node in form.entries(root, "verticals.yaml").items():
        if named(name) in found:
            form.note(node, f"vertical '{name}' stands twice; keep one of them")
        entries = form.entries(node, name, known)
        found[named(name)] = {key: form.number(value, f"{name}.{key}") for key, value in entries.items()}
    if form.problems:
        raise VerticalsFileError(sorted(form.problems, key=lambda problem: problem.line))
    return found


def named(vertical: str) -> str:
    """A vertical's name as all spellings of it are compared: "Food & Beverage" is food_and_beverage."""
    return re.sub(r"[^a-z0-9]+", "_", vertical.lower().replace("&", " and ")).strip("_")
