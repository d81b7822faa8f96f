"""How far a KPI may go before a warning, or before a customer is blocked, and what to do then."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from capflow_assets.validation.kpis import KPIS, figure
from partitions.customer import Customer

Severity = Literal["block", "warn"]
Origin = Literal["default", "customer file"]


@dataclass(frozen=True)
class Bound:
    """A KPI may lie from `low` to `high`, both included; None is no limit.

    `why` ends the sentence "X is 0.97: ..."; `remedy` says what to do, with {file} for the customer's file.
    """

    kpi: str
    low: float | None
    high: float | None
    severity: Severity
    why: str
    remedy: str


@dataclass(frozen=True)
class Finding:
    """What one KPI's bound said of one customer. `value` is None when the data could not tell, which passes."""

    kpi: str
    value: float | None
    low: float | None
    high: float | None
    source: Origin
    severity: Severity
    passed: bool
    message: str
    remedy: str

    @property
    def blocks(self) -> bool:
        """Whether this finding stops the customer."""
        return not self.passed and self.severity == "block"


def _accept(kpi: str) -> str:
    return f"if the data is right, allow it with thresholds.{kpi} in {{file}}."


_COLUMNS = "tables.line_items.columns"
_USERS = f"Map {_COLUMNS}.user_id in {{file}}, or "
_DATES = f"Check the format of {_COLUMNS}.ts in {{file}}; "
_PRICES = f"Check {_COLUMNS}.unit_price in {{file}}; "
_AMOUNTS = f"Bring all amounts to one currency and unit ({_COLUMNS}.amount and .unit_price in {{file}}); "
_RETURNS = "Check tables.line_items.returns and the sign of quantity in {file}; "
_TWICE = "Remove the file that was loaded twice, or set tables.line_items.drop_duplicates: true in {file}; "

_DEFAULTS = (
    Bound("line_item_count", 1, None, "block", "nothing was sold", "Check tables.line_items.source in {file}."),
    Bound("bills", 1, None, "block", "every bill is a return", _RETURNS + _accept("bills")),
    Bound("total_bill_amount", 0, None, "block", "more is returned than sold", _RETURNS + _accept("total_bill_amount")),
    Bound("users", 1, None, "warn", "no user is known, so models of users cannot run", _USERS + _accept("users")),
    Bound("active_users", 1, None, "warn", "no known user has bought lately", _DATES + _accept("active_users")),
    Bound("anonymous_share", None, 0.9, "block", "too few bills have a user", _USERS + _accept("anonymous_share")),
    Bound("anonymous_share", None, 0.5, "warn", "most bills have no user", _USERS + _accept("anonymous_share")),
    Bound("return_share", None, 0.5, "block", "most lines are returns", _RETURNS + _accept("return_share")),
    Bound("duplicate_share", None, 0.05, "block", "lines come more than once", _TWICE + _accept("duplicate_share")),
    Bound("zero_price_share", None, 0.5, "block", "most lines have no price", _PRICES + _accept("zero_price_share")),
    Bound("zero_price_share", None, 0.1, "warn", "many lines have no price", _PRICES + _accept("zero_price_share")),
    Bound(
        "price_outlier_share",
        None,
        0.05,
        "block",
        "the same items cost 20 times more or less, as with mixed currencies or cents",
        _AMOUNTS + _accept("price_outlier_share"),
    ),
    Bound(
        "longest_gap_days",
        None,
        365,
        "block",
        "some dates lie far from all others",
        _DATES + _accept("longest_gap_days"),
    ),
    Bound(
        "days_without_sales",
        None,
        0.5,
        "warn",
        "most days have no sale, so some files may be missing",
        "Load the missing days; " + _accept("days_without_sales"),
    ),
    Bound(
        "freshness_days",
        None,
        35,
        "warn",
        "no sale has come in for more than a month",
        "Check that the source still delivers; " + _accept("freshness_days"),
    ),
    Bound(
        "spend_shift",
        1 / 5,
        5,
        "block",
        "prices changed all at once, as when the currency or cents changed",
        _AMOUNTS + _accept("spend_shift"),
    ),
)
BOUNDS: Mapping[str, tuple[Bound, ...]] = {
    kpi: tuple(bound for bound in _DEFAULTS if bound.kpi == kpi) for kpi in KPIS if kpi in {b.kpi for b in _DEFAULTS}
}
"""The bounds of every customer, blocking ones first; a KPI that is missing here has none."""

_AT_MOST = {name for name in KPIS if name.endswith("_share")} - {"repeat_user_share"} | {
    "days_without_sales",
    "longest_gap_days",
    "freshness_days",
}


def judge(values: Mapping[str, float | None], customer: Customer) -> tuple[Finding, ...]:
    """One finding a bounded KPI: the customer's own threshold where its file sets one, else the default bounds.

    A threshold is the largest allowed value of shares and days, the factor (up or down) of spend_shift, and the least
    allowed value of every other KPI; it blocks, unless the KPI's default only warns. Of several defaults the strictest
    that is broken is told. A threshold that looks like a misspelt KPI is a warning of its own.
    """
    findings = [
        _finding(values.get(kpi), bounds, source, customer)
        for kpi in KPIS
        for bounds, source in [_bounds(kpi, customer)]
        if bounds
    ]
    return (*findings, *_misspelt(customer))


def _bounds(kpi: str, customer: Customer) -> tuple[tuple[Bound, ...], Origin]:
    defaults = BOUNDS.get(kpi, ())
    if kpi not in customer.thresholds:
        return defaults, "default"
    low, high = _limits(kpi, float(customer.thresholds[kpi]))
    if not defaults:
        remedy = "Compare with the source; " + _accept(kpi)
        defaults = (Bound(kpi, None, None, "block", "it is not what the customer's file expects", remedy),)
    first = defaults[0]
    return (Bound(kpi, low, high, first.severity, first.why, first.remedy),), "customer file"


def _limits(kpi: str, threshold: float) -> tuple[float | None, float | None]:
    if kpi == "spend_shift":
        factor = max(threshold, 1 / threshold) if threshold > 0 else 1.0
        return 1 / factor, factor
    return (None, threshold) if kpi in _AT_MOST else (threshold, None)


def _finding(value: float | None, bounds: tuple[Bound, ...], source: Origin, customer: Customer) -> Finding:
    bound = next((bound for bound in bounds if not _within(value, bound)), bounds[0])
    passed = _within(value, bound)
    limits = ", ".join(
        f"at {word} {figure(limit)}"
        for word, limit in (("least", bound.low), ("most", bound.high))
        if limit is not None
    )
    place = f"{bound.kpi} of '{customer.name}'"
    if value is None:
        message = f"{place} cannot be told from this data, so it is not judged."
    else:
        message = f"{place} is {figure(value)} ({KPIS[bound.kpi]}; {source}: {limits})"
        message += "." if passed else f": {bound.why}."
    remedy = "" if passed else bound.remedy.replace("{file}", customer_file(customer))
    return Finding(bound.kpi, value, bound.low, bound.high, source, bound.severity, passed, message, remedy)


def _within(value: float | None, bound: Bound) -> bool:
    if value is None:
        return True
    return (bound.low is None or value >= bound.low) and (bound.high is None or value <= bound.high)


def _misspelt(customer: Customer) -> list[Finding]:
    findings = []
    for name in sorted(set(customer.thresholds) - set(KPIS)):
        if near := difflib.get_close_matches(name, KPIS, n=1, cutoff=0.85):
            message = f"thresholds.{name} of '{customer.name}' is no KPI and changes nothing."
            remedy = f"Write thresholds.{near[0]} in {customer_file(customer)}."
            findings.append(Finding(name, None, None, None, "customer file", "warn", False, message, remedy))
    return findings


def customer_file(customer: Customer) -> str:
    """How a message names the customer's file: customers/NAME.yaml."""
    return f"customers/{customer.name}.yaml"
