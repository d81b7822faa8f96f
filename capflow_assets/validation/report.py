"""What a customer's data looks like as a whole: KPIs, what their bounds say, and how users spread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.validated.audit.offence import Offence
from capflow_assets.validation.bounds import Finding, judge
from capflow_assets.validation.history.daily import daily
from capflow_assets.validation.history.figures import EVERY
from capflow_assets.validation.history.findings import findings, series
from capflow_assets.validation.history.learned import look
from capflow_assets.validation.kpis.catalogue import KPIS, figure, kpis, naive
from capflow_assets.validation.kpis.distributions import Distribution, distributions
from capflow_assets.validation.series import Series
from partitions.customer import Customer

if TYPE_CHECKING:
    import ibis

NEEDED = ("line_items", "bills")
FRESHNESS = "freshness_days"


@dataclass(frozen=True)
class Report:
    """One customer's data as of a date; it survives JSON unchanged and needs no table to be read again."""

    customer: str
    as_of: str
    values: Mapping[str, float | None]
    findings: tuple[Finding, ...]
    distributions: tuple[Distribution, ...]
    series: tuple[Series, ...] = ()
    offences: tuple[Offence, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no finding blocks the customer."""
        return not any(finding.blocks for finding in self.findings)

    def is_as_fresh(self, days: int) -> bool:
        """Whether its finding on freshness still holds when no sale has come in for so many days more."""
        found = next((found for found in self.findings if found.kpi == FRESHNESS), None)
        if found is None or found.value is None or found.high is None:
            return True
        return found.passed == (found.value + days <= found.high)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the customer is blocked: what, where and what to do, one text each."""
        return tuple(f"{found.message} {found.remedy}" for found in self.findings if found.blocks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd but stops nothing, one text each."""
        return tuple(f"{f.message} {f.remedy}" for f in self.findings if not f.passed and not f.blocks)

    def markdown(self) -> str:
        """The KPIs as a Markdown table: name, value, verdict and what the KPI counts."""
        verdicts = {found.kpi: _word(found) for found in self.findings}
        rows = [
            f"| {kpi} | {'not known' if value is None else figure(value)} | {verdicts.get(kpi, '')} | {KPIS[kpi]} |"
            for kpi, value in self.values.items()
        ]
        rows += [
            f"| {found.kpi} | {figure(found.value)} | {_word(found)} | {EVERY[found.kpi].title} |"
            for found in self.findings
            if found.kpi in EVERY and found.value is not None
        ]
        return "\n".join(["| KPI | value | verdict | what it counts |", "|---|---:|---|---|", *rows])

    def to_json(self) -> str:
        """The report as JSON text, without NaN."""
        return json.dumps(asdict(self), allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Report:
        """The report that `to_json` wrote; ValueError, in words, for anything else."""
        try:
            found = json.loads(text)
            findings = tuple(Finding(**one) for one in found["findings"])
            shapes = tuple(
                Distribution(**{**one, "counts": tuple((int(value), int(count)) for value, count in one["counts"])})
                for one in found["distributions"]
            )
            series = tuple(Series(**{name: _tuple(part) for name, part in one.items()}) for one in found["series"])
            offences = tuple(Offence(**{name: _tuple(part) for name, part in one.items()}) for one in found["offences"])
            return Report(found["customer"], found["as_of"], found["values"], findings, shapes, series, offences)
        except (ValueError, KeyError, TypeError) as error:
            message = f"this is not a report that CapFlow wrote ({error!r}). Validate the customer again."
            raise ValueError(message) from error


def report(
    tables: Mapping[str, ibis.Table],
    customer: Customer,
    as_of: datetime,
    vertical: Mapping[str, float] | None = None,
    today: datetime | None = None,
) -> Report:
    """The report on a customer's validated tables as of now; ValueError without `line_items` and `bills`.

    `vertical` are the thresholds of the customer's vertical. `as_of` (UTC) is the midnight after the last sale that is
    not in the future: what is dated later is only counted. `today` (the same by default) is the midnight that
    freshness counts to.
    """
    missing = [name for name in NEEDED if name not in tables]
    if missing:
        names = " and ".join(f"validated/{name}" for name in missing)
        raise ValueError(
            f"report on '{customer.name}': {names} is missing. Run: capflow run --customer {customer.name}"
        )
    sent = {name: table for name, table in tables.items() if name in customer.tables}
    values = kpis(tables["line_items"], tables["bills"], as_of, sent, now=True)
    if today is not None and (days := values[FRESHNESS]) is not None:
        values[FRESHNESS] = days + (today - naive(as_of)).days
    shapes = distributions(tables["bills"], as_of)
    panel = daily(tables["line_items"], as_of, customer.timezone)
    seen = look(panel, customer.expected) if panel else None
    found = (*judge(values, customer, vertical), *findings(seen, customer, vertical or {}))
    return Report(customer.name, naive(as_of).isoformat(), values, found, shapes, series(seen))


def _word(finding: Finding) -> str:
    if finding.value is None and finding.passed:
        return "not judged"
    return "passed" if finding.passed else {"block": "**blocks**", "warn": "warning"}[finding.severity]


def _tuple(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part
