"""The content of one customer's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.report import Report

State = Literal["passed", "blocked", "failed", "not judged"]


@dataclass(frozen=True)
class ModelRow:
    """Whether a customer's data are enough for one model: `verdict` in a word ("passed", "not available") and why."""

    model: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Trouble:
    """An asset whose last attempt failed before the data could be judged, and why."""

    asset: str
    reason: str


@dataclass(frozen=True)
class TableRow:
    """The rows of one table's newest load: `accepted`, `set_aside` by rules, or `left_out` at the customer's request.

    `readmitted` of the accepted ones were given back by an analyst; `left_out` counts by reason.
    """

    table: str
    passed: bool
    rows: int
    accepted: int
    set_aside: int = 0
    readmitted: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dossier:
    """One customer: the verdict on its data and what it rests on.

    `state` is "failed" where not even the customer file could be read and "not judged" where there is no verdict.
    `report` is the last one that could be made; unless `current`, it is on earlier data than the verdict. `audits` are
    the row rules that the newest load of each table broke. `written_at` is in UTC.
    """

    customer: str
    state: State
    written_at: datetime
    reasons: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    report: Report | None = None
    current: bool = True
    audits: tuple[Violation, ...] = ()
    tables: tuple[TableRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    judged_at: str = ""
    vertical: str = ""
    currency: str = ""
    timezone: str = ""
    first_sale: str | None = None
    timed: bool = True

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every broken rule that has rows, of the tables and then of the KPIs; blocking ones first."""
        violations = (*self.audits, *(self.report.violations if self.report else ()))
        return tuple(sorted(violations, key=lambda one: not one.blocks))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd but stops nothing, one text each."""
        return self.report.warnings if self.report else ()

    @property
    def last_sale(self) -> date | None:
        """The day of the newest sale, in UTC; None without times."""
        if self.report is None or not self.timed:
            return None
        return (datetime.fromisoformat(self.report.as_of) - timedelta(days=1)).date()

    @property
    def age_days(self) -> int | None:
        """Days from the newest sale to when the page was written."""
        return None if self.last_sale is None else (self.written_at.date() - self.last_sale).days
