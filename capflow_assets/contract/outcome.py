"""The outcome of one asset for one customer, and the reasons that a step may stop with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "reused", "not_available", "waiting", "blocked", "failed"]
CHECKS = {"validated": "schema", "validation": "kpis"}
"""The name of the blocking check of each layer that has one."""

STOPS: frozenset[Status] = frozenset({"blocked", "failed"})


class Blocked(Exception):  # noqa: N818 - a verdict, not a fault
    """Raised where a customer's data may not be used; the message says why and what to do."""


class NotAvailable(Exception):  # noqa: N818 - a fact about the data, not a fault
    """Raised where there is nothing to do for a customer, which is no fault; the message says why."""


class Waiting(Exception):  # noqa: N818 - a fact about time, not a fault
    """Raised where it is too early; the message says until when."""


class Markdown(str):
    """A fact to be shown as formatted text."""


@dataclass(frozen=True)
class Check:
    """The result of an asset's blocking check, with the facts that the retailer needs to act."""

    name: str
    passed: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The status of one asset, the reason in words, and facts (rows, version, metric) and plots for people."""

    asset: str
    status: Status
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    plots: Mapping[str, bytes] = field(default_factory=dict)
    check: Check | None = None
    fingerprint: str = ""

    @property
    def stops(self) -> bool:
        """Whether nothing downstream may be computed."""
        return self.status in STOPS
