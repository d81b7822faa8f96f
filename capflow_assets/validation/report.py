"""The report on a customer's data: KPIs, findings against their bounds, distributions and daily figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.bounds import Finding, find_kpis
from capflow_assets.validation.history.daily_panel import build_daily_panel
from capflow_assets.validation.history.figures import EVERY
from capflow_assets.validation.history.findings import build_series, find_daily
from capflow_assets.validation.history.learned_bands import learn_bands
from capflow_assets.validation.kpis.distributions import Distribution, measure_distributions
from capflow_assets.validation.kpis.format import format_number
from capflow_assets.validation.kpis.kpis import KPIS, measure_kpis, to_naive_utc
from capflow_assets.validation.series import Series
from partitions.customer import Customer

if TYPE_CHECKING:
    import ibis

NEEDED = ("line_items", "bills")
FRESHNESS = "freshness_days"


@dataclass(frozen=True)
class Report:
    """The report on one customer as of a date; it round-trips through JSON and needs no table to be read again."""

    customer: str
    as_of: str
    values: Mapping[str, float | None]
    findings: tuple[Finding, ...]
    distributions: tuple[Distribution, ...]
    series: tuple[Series, ...] = ()
    violations: tuple[Violation, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no finding blocks the customer."""
        return not any(finding.blocks for finding in self.findings)

    def is_as_fresh(self, days: int) -> bool:
        """Return whether the finding on freshness still holds after that many more days without a sale."""
        found = next((found for found in self.findings if found.kpi == FRESHNESS), None)
        if found is None or found.value is None or found.high is None:
            return True
        return found.passed == (found.value + days <= found.high)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the customer is blocked, one text each: what, where and what to do."""
        return tuple(f"{found.message} {found.remedy}" for found in self.findings if found.blocks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd but stops nothing, one text each."""
        return tuple(f"{f.message} {f.remedy}" for f in self.findings if not f.passed and not f.blocks)

    def markdown(self) -> str:
        """Render the KPIs as a Markdown table: name, value, verdict and what the KPI counts."""
        verdicts = {found.kpi: _verdict_word(found) for found in self.findings}
        rows = [
            f"| {kpi} | {_format_value(value)} | {verdicts.get(kpi, '')} | {KPIS[kpi]} |"
            for kpi, value in self.values.items()
        ]
        rows += [
            f"| {found.kpi} | {format_number(found.value)} | {_verdict_word(found)} | {EVERY[found.kpi].title} |"
            for found in self.findings
            if found.kpi in EVERY and found.value is not None
        ]
        return "\n".join(["| KPI | value | verdict | what it counts |", "|---|---:|---|---|", *rows])

    def to_json(self) -> str:
        """Write the report as JSON text, without NaN."""
        document = asdict(self)
        document["offences"] = document.pop("violations")
        return json.dumps(document, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Report:
        """Read the report that `to_json` wrote; raises ValueError with a remedy for anything else."""
        try:
            found = json.loads(text)
            findings = tuple(Finding(**one) for one in found["findings"])
            shapes = tuple(
                Distribution(**{**one, "counts": tuple((int(value), int(count)) for value, count in one["counts"])})
                for one in found["distributions"]
            )
            series = tuple(Series(**{name: _to_tuple(part) for name, part in one.items()}) for one in found["series"])
            violations = tuple(
                Violation(**{name: _to_tuple(part) for name, part in one.items()}) for one in found["offences"]
            )
            return Report(found["customer"], found["as_of"], found["values"], findings, shapes, series, violations)
        except (ValueError, KeyError, TypeError) as error:
            message = f"this is not a report that CapFlow wrote ({error!r}). Validate the customer again."
            raise ValueError(message) from error


def build_report(
    tables: Mapping[str, ibis.Table],
    customer: Customer,
    as_of: datetime,
    vertical: Mapping[str, float] | None = None,
    today: datetime | None = None,
) -> Report:
    """Build the report on a customer's validated tables; raises ValueError without `line_items` and `bills`.

    `vertical` are the thresholds of the customer's vertical. `as_of` (UTC) is the midnight after the last sale that is
    not in the future: later rows are only counted. `today` (default: as_of) is the midnight to which freshness counts.
    """
    missing = [name for name in NEEDED if name not in tables]
    if missing:
        names = " and ".join(f"validated/{name}" for name in missing)
        raise ValueError(
            f"report on '{customer.name}': {names} is missing. Run: capflow run --customer {customer.name}"
        )
    sent = {name: table for name, table in tables.items() if name in customer.tables}
    values = measure_kpis(tables["line_items"], tables["bills"], as_of, sent, now=True)
    if today is not None and (days := values[FRESHNESS]) is not None:
        values[FRESHNESS] = days + (today - to_naive_utc(as_of)).days
    shapes = measure_distributions(tables["bills"], as_of)
    panel = build_daily_panel(tables["line_items"], as_of, customer.timezone)
    seen = learn_bands(panel, customer.expected) if panel else None
    found = (*find_kpis(values, customer, vertical), *find_daily(seen, customer, vertical or {}))
    return Report(customer.name, to_naive_utc(as_of).isoformat(), values, found, shapes, build_series(seen))


def _verdict_word(finding: Finding) -> str:
    return "**blocks**" if finding.verdict == "blocks" else finding.verdict


def _format_value(value: float | None) -> str:
    return "not known" if value is None else format_number(value)


def _to_tuple(part: Any) -> Any:
    return tuple(part) if isinstance(part, list) else part
