"""All that is known of one customer's data when its page is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from capflow_assets.validated.audit.offence import Offence
from capflow_assets.validation.report import Report

State = Literal["passed", "blocked", "failed", "not judged"]


@dataclass(frozen=True)
class ModelRow:
    """What a customer's data mean for one model: `verdict` in a word ("passed", "blocked", ...) and why."""

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
    """What became of the rows of one table's newest load: `accepted`, `set_aside` by rules, or `left_out` by wish.

    `readmitted` of the accepted ones were given back by an analyst; `left_out` is by reason.
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
    """One customer: what the checks said, of which data, and what they rest on.

    `state` is "failed" where not even the customer file could be read and "not judged" where no verdict is there.
    `report` is the last one that could be made; unless `current`, it is on earlier data than the verdict. `audits` are
    the rules of rows that the newest load of each table broke. `written_at` is in UTC.
    """

    customer: str
    state: State
    written_at: datetime
    reasons: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    report: Report | None = None
    current: bool = True
    audits: tuple[Offence, ...] = ()
    tables: tuple[TableRow, ...] = ()
    models: tuple[ModelRow, ...] = ()
    judged_at: str = ""
    vertical: str = ""
    currency: str = ""
    timezone: str = ""
    first_sale: str | None = None
    timed: bool = True

    @property
    def offences(self) -> tuple[Offence, ...]:
        """Every broken rule that has rows: of the tables, then of the KPIs; what blocks comes first."""
        found = (*self.audits, *(self.report.offences if self.report else ()))
        return tuple(sorted(found, key=lambda one: not one.blocks))

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
        """How many days before the page was written the newest sale was."""
        return None if self.last_sale is None else (self.written_at.date() - self.last_sale).days
