"""`expected` in a customer file: changes that are real, so that the days after them are not judged by those before."""

from __future__ import annotations

from datetime import date

from yaml.nodes import Node, SequenceNode

from partitions.customer import Expected
from partitions.form import Form

KEYS = ("from", "figures", "why")


def read_expected(form: Form, node: Node | None) -> tuple[Expected, ...]:
    """Each entry, like {from: 2026-03-01, why: new tills}; mistakes are noted in the form."""
    if node is None or (node.value in ("", "null", "~")):
        return ()
    if not isinstance(node, SequenceNode):
        form.note(node, 'expected must be a list, like [{from: 2026-03-01, why: "new tills"}]')
        return ()
    found = [_entry(form, item) for item in node.value]
    return tuple(one for one in found if one is not None)


def _entry(form: Form, node: Node) -> Expected | None:
    keys = form.entries(node, "expected", KEYS)
    for key in ("from", "why"):
        if key not in keys:
            form.note(node, f"an entry of expected has no '{key}'; write it like {{from: 2026-03-01, why: new tills}}")
    why, text = form.text(keys.get("why"), "expected.why"), form.text(keys.get("from"), "expected.from")
    figures = form.texts(keys.get("figures"), "expected.figures")
    try:
        return Expected(date.fromisoformat(text), why, figures) if text else None
    except ValueError:
        form.note(keys["from"], f"expected.from '{text}' is no date; write it like 2026-03-01")
        return None
