"""KPIs and other figures as text, with their units."""

from __future__ import annotations

MONEY = ("average_spent_per_visit", "total_bill_amount")
SHARES = ("days_without_sales",)


def format_number(value: float) -> str:
    """Format a figure: thousands in full, smaller ones to four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def format_percent(share: float) -> str:
    """Format a share of 0 to 1 as a percentage that is 0 % only for zero."""
    if 0 < abs(share) < 0.0001:
        return "under 0.01 %"
    return f"{share * 100:,.4g} %" if abs(share) < 0.1 else f"{share * 100:,.1f} %"


def format_hour(hour: float) -> str:
    """Format an hour of the day as HH:MM."""
    minutes = round(hour * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def format_kpi(kpi: str, value: float | None, currency: str = "") -> str:
    """Format a KPI's value with its unit."""
    if value is None:
        return "not known"
    if kpi.endswith("_share") or kpi in SHARES:
        return format_percent(value)
    if kpi in MONEY:
        return f"{value:,.2f} {currency}".strip()
    if kpi.endswith("_hour"):
        return format_hour(value)
    if kpi.endswith("_days"):
        return f"{format_number(value)} days"
    return f"{format_number(value)} times" if kpi == "spend_shift" else format_number(value)


def format_title(kpi: str) -> str:
    """Return a KPI's name as a title: "Price outlier share"."""
    return kpi.removeprefix("daily_").replace("_", " ").capitalize()
