"""Figures and verdicts as a retailer's analyst reads them."""

from __future__ import annotations

from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.html.dossier import Dossier
from capflow_assets.validation.kpis.kpis import format_number

MONEY = ("average_spent_per_visit", "total_bill_amount")
SHARES = ("days_without_sales",)
MARKS = {"passed": "✓", "warning": "!", "blocks": "✕", "not judged": "?"}


def title(kpi: str) -> str:
    """A KPI's name in words: "Price outlier share"."""
    return kpi.removeprefix("daily_").replace("_", " ").capitalize()


def shown(kpi: str, value: float | None, currency: str = "") -> str:
    """A KPI's value with its unit."""
    if value is None:
        return "not known"
    if kpi.endswith("_share") or kpi in SHARES:
        return percent(value)
    if kpi in MONEY:
        return f"{value:,.2f} {currency}".strip()
    if kpi.endswith("_hour"):
        minutes = round(value * 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    if kpi.endswith("_days"):
        return f"{format_number(value)} days"
    return f"{format_number(value)} times" if kpi == "spend_shift" else format_number(value)


def percent(share: float) -> str:
    """A share of 0 to 1 as a percentage that is 0 % only when it is nothing."""
    if 0 < abs(share) < 0.0001:
        return "under 0.01 %"
    return f"{share * 100:,.4g} %" if abs(share) < 0.1 else f"{share * 100:,.1f} %"


def limits(finding: Finding, currency: str = "") -> str:
    """How far a KPI may go: "at least 1, at most 5"."""
    ends = (("least", finding.low), ("most", finding.high))
    return ", ".join(f"at {word} {shown(finding.kpi, end, currency)}" for word, end in ends if end is not None)


def verdict(finding: Finding) -> str:
    """passed, warning, blocks, or not judged."""
    if finding.value is None and finding.passed:
        return "not judged"
    return "passed" if finding.passed else {"block": "blocks", "warn": "warning"}[finding.severity]


def headline(dossier: Dossier) -> str:
    """What the verdict means, in one or two sentences."""
    name, warnings = dossier.customer, len(dossier.warnings)
    if dossier.state == "passed":
        odd = {0: "nothing is odd", 1: "one thing is odd"}.get(warnings, f"{warnings} things are odd")
        return f"The data of {name} may be used: no check blocks, and {odd}."
    if dossier.state == "blocked":
        return (
            f"The data of {name} may not be used yet. Nothing after validation is computed from them; what was "
            "delivered before stays as it is. Mend what is named here, then run capflow run --customer " + name + "."
        )
    if dossier.state == "failed":
        return f"{name} could not be looked at. Mend what is named here, then run capflow run --customer {name}."
    return f"The data of {name} were never judged. Run capflow run --customer {name}."
