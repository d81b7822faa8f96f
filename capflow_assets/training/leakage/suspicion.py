"""What the checker says of a feature: the column, what is wrong with it, how bad that is, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["knows the answer", "id", "future", "missing", "constant", "gone", "skew"]
Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class Suspicion:
    """One feature column that is not what a feature should be, and the evidence in one sentence."""

    column: str
    kind: Kind
    severity: Severity
    evidence: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.column} {self.evidence}"
