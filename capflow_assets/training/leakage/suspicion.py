"""The shape of a leakage finding: the column, what is wrong with it, how severe that is, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["knows the answer", "id", "future", "missing", "constant", "gone", "skew"]
Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class Suspicion:
    """A suspicious feature column, with the evidence in one sentence."""

    column: str
    kind: Kind
    severity: Severity
    evidence: str

    def __str__(self) -> str:
        """Return the finding as a sentence part for people."""
        return f"{self.column} {self.evidence}"
