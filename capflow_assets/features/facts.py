"""What a version of a feature set or of an embedding records about itself, with the keys that the lake holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from capflow_assets.features.column_decision import RecordedDecision

DECISION = "decided"


@dataclass(frozen=True)
class FeatureSetFacts:
    """A version of a feature set: its fingerprint, the version of each table read, and a fingerprint per snapshot."""

    fingerprint: str
    as_of: datetime
    inputs: Mapping[str, int | None]
    snapshots: Mapping[datetime, str]
    decision: RecordedDecision | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the facts of the table version."""
        snapshots = {date.isoformat(): mark for date, mark in self.snapshots.items()}
        decision = {} if self.decision is None else {DECISION: self.decision.to_json()}
        return {
            "fingerprint": self.fingerprint,
            "as_of": self.as_of.isoformat(),
            "dates": list(snapshots),
            "snapshots": snapshots,
            "inputs": dict(self.inputs),
            **decision,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> FeatureSetFacts | None:
        """Read the facts of a table version; None for an embedding, which has no as-of date."""
        if "as_of" not in facts:
            return None
        decision = facts.get(DECISION)
        return cls(
            str(facts.get("fingerprint", "")),
            datetime.fromisoformat(facts["as_of"]),
            facts.get("inputs", {}),
            {datetime.fromisoformat(date): mark for date, mark in facts.get("snapshots", {}).items()},
            RecordedDecision.from_json(decision) if decision else None,
        )


@dataclass(frozen=True)
class EncoderFit:
    """What an encoder learned: the checksum of its document, from how many `texts`, and how many are new `since`."""

    sha256: str
    texts: int
    since: int


@dataclass(frozen=True)
class EmbeddingFacts:
    """A version of an embedding: its fingerprint, what encoded it (`made_by`), and what could not be encoded.

    `model` holds the `state` and `sha256` of pretrained weights ({} without any); `fit` what was learned from texts.
    """

    fingerprint: str
    made_by: str
    encoder: Mapping[str, Any]
    dimensions: int
    model: Mapping[str, Any]
    inputs: Mapping[str, int | None]
    left_out: Mapping[str, int] = field(default_factory=dict)
    fit: EncoderFit | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the facts of the table version."""
        fit = {} if self.fit is None else {"fit": vars(self.fit).copy()}
        return {
            "fingerprint": self.fingerprint,
            "made_by": self.made_by,
            "encoder": dict(self.encoder),
            "dimensions": self.dimensions,
            "model": dict(self.model),
            "inputs": dict(self.inputs),
            "left_out": dict(self.left_out),
            **fit,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> EmbeddingFacts:
        """Read the facts of a table version."""
        fit = facts.get("fit")
        return cls(
            str(facts.get("fingerprint", "")),
            str(facts.get("made_by", "")),
            facts.get("encoder", {}),
            int(facts.get("dimensions", 0)),
            facts.get("model") or {},
            facts.get("inputs", {}),
            facts.get("left_out", {}),
            EncoderFit(fit["sha256"], fit["texts"], fit["since"]) if fit else None,
        )
