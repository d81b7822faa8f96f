"""The facts that are stored with a version of a validated table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ValidatedFacts:
    """What a validated table's version was made from, and what it holds.

    `inputs` are the versions of the tables it was read from, `dropped` the rows left out at the customer's request, by
    reason, and `content` the summary of its rows (validated/content.py), None in a version older than these.
    """

    fingerprint: str
    inputs: Mapping[str, int]
    dropped: Mapping[str, int]
    content: Mapping[str, Any] | None

    def to_facts(self) -> dict[str, Any]:
        """Return the facts as they are stored."""
        return asdict(self)

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> ValidatedFacts:
        """Read the facts of a stored version, also of one written before a fact existed."""
        return ValidatedFacts(
            facts.get("fingerprint", ""), facts.get("inputs", {}), facts.get("dropped", {}), facts.get("content")
        )
