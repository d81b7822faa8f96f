"""Outcomes as JSON messages from a cluster to the machine where Dagster runs."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from capflow_assets.contract.outcome import Check, Markdown, Outcome

MARKDOWN = "capflow/markdown"


def to_message(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome in plain JSON values; a fact of another type becomes its text."""
    check = outcome.check
    return {
        "asset": outcome.asset,
        "status": outcome.status,
        "reason": outcome.reason,
        "facts": _encode(outcome.facts),
        "plots": {title: b64encode(png).decode() for title, png in outcome.plots.items()},
        "check": None if check is None else {"name": check.name, "passed": check.passed, "facts": _encode(check.facts)},
        "fingerprint": outcome.fingerprint,
    }


def from_message(message: Mapping[str, Any]) -> Outcome:
    """Return the outcome that `message` was made from; KeyError when it is not such a message."""
    check = message["check"]
    return Outcome(
        asset=message["asset"],
        status=message["status"],
        reason=message["reason"],
        facts=_decode(message["facts"]),
        plots={title: b64decode(text) for title, text in message["plots"].items()},
        check=None if check is None else Check(check["name"], check["passed"], _decode(check["facts"])),
        fingerprint=message["fingerprint"],
    )


def _encode(value: Any) -> Any:
    if isinstance(value, Markdown):
        return {MARKDOWN: str(value)}
    if isinstance(value, Mapping):
        return {str(name): _encode(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(one) for one in value]
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return value.item() if hasattr(value, "item") else str(value)


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {MARKDOWN}:
            return Markdown(value[MARKDOWN])
        return {name: _decode(one) for name, one in value.items()}
    return [_decode(one) for one in value] if isinstance(value, list) else value
