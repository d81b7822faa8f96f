"""Bounds of KPIs: how far a KPI may go before a warning or a block, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from capflow_assets.validation.kpis.format import format_number
from capflow_assets.validation.kpis.kpis import KPIS
from partitions.customer import Customer
from partitions.hints import closest

Severity = Literal["block", "warn"]
Origin = Literal["default", "vertical", "own history", "customer file"]


@dataclass(frozen=True)
class Bound:
    """The allowed range of a KPI, from `low` to `high`, both included; None is no limit.

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
    """One KPI of one customer against its bound. `value` is None where the data cannot say, which passes.

    `source` is where the bound comes from; `rule` is a sentence on how it was derived.
    """

    kpi: str
    value: float | None
    low: float | None
    high: float | None
    source: Origin
    severity: Severity
    passed: bool
    message: str
    remedy: str
    rule: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this finding stops the customer."""
        return not self.passed and self.severity == "block"

    @property
    def verdict(self) -> str:
        """One of passed, warning, blocks and not judged."""
        if self.value is None and self.passed:
            return "not judged"
        return "passed" if self.passed else {"block": "blocks", "warn": "warning"}[self.severity]


def _allow_it(kpi: str) -> str:
    return f"if the data is right, allow it with thresholds.{kpi} in {{file}}."


_COLUMNS = "tables.line_items.columns"
_USERS = f"Map {_COLUMNS}.user_id in {{file}}, or "
_DATES = f"Check the format of {_COLUMNS}.ts in {{file}}; "
_PRICES = f"Check {_COLUMNS}.unit_price in {{file}}; "
_AMOUNTS = f"Bring all amounts to one currency and unit ({_COLUMNS}.amount and .unit_price in {{file}}); "
_RETURNS = "Check tables.line_items.returns and the sign of quantity in {file}; "
_KEYS = "Map the same key in both tables in {file}, or send what is missing; "
_TWICE = "Remove the file that was loaded twice, or set tables.line_items.drop_duplicates: true in {file}; "

_DEFAULTS = (
    Bound("line_item_count", 1, None, "block", "nothing was sold", "Check tables.line_items.source in {file}."),
    Bound("bills", 1, None, "block", "every bill is a return", _RETURNS + _allow_it("bills")),
    Bound(
        "total_bill_amount", 0, None, "block", "more is returned than sold", _RETURNS + _allow_it("total_bill_amount")
    ),
    Bound("users", 1, None, "warn", "no user is known, so models of users cannot run", _USERS + _allow_it("users")),
    Bound("active_users", 1, None, "warn", "no known user has bought recently", _DATES + _allow_it("active_users")),
    Bound("anonymous_share", None, 0.9, "block", "too few bills have a user", _USERS + _allow_it("anonymous_share")),
    Bound("anonymous_share", None, 0.5, "warn", "most bills have no user", _USERS + _allow_it("anonymous_share")),
    Bound("return_share", None, 0.5, "block", "most lines are returns", _RETURNS + _allow_it("return_share")),
    Bound("duplicate_share", None, 0.05, "block", "lines come more than once", _TWICE + _allow_it("duplicate_share")),
    Bound("zero_price_share", None, 0.5, "block", "most lines have no price", _PRICES + _allow_it("zero_price_share")),
    Bound("zero_price_share", None, 0.1, "warn", "many lines have no price", _PRICES + _allow_it("zero_price_share")),
    Bound(
        "price_outlier_share",
        None,
        0.05,
        "block",
        "the same items cost 20 times more or less, as with mixed currencies or cents",
        _AMOUNTS + _allow_it("price_outlier_share"),
    ),
    Bound(
        "longest_gap_days",
        None,
        365,
        "block",
        "some dates lie far from all others",
        _DATES + _allow_it("longest_gap_days"),
    ),
    Bound(
        "days_without_sales",
        None,
        0.5,
        "warn",
        "most days have no sale, so some files may be missing",
        "Load the missing days; " + _allow_it("days_without_sales"),
    ),
    Bound(
        "freshness_days",
        None,
        35,
        "warn",
        "no sale has come in for more than a month",
        "Check that the source still delivers; " + _allow_it("freshness_days"),
    ),
    Bound(
        "spend_shift",
        1 / 5,
        5,
        "block",
        "prices changed all at once, as when the currency or cents changed",
        _AMOUNTS + _allow_it("spend_shift"),
    ),
    Bound("future_share", None, 0.05, "block", "as when day and month are swapped", _DATES + _allow_it("future_share")),
    Bound(
        "future_share", None, 0.001, "warn", "some lines are dated in the future", _DATES + _allow_it("future_share")
    ),
    *(
        Bound(kpi, None, limit, "block" if severity == "block" else "warn", why, _KEYS + _allow_it(kpi))
        for kpi, limit, severity, why in (
            ("unknown_item_share", 0.5, "block", "most lines sell an item that items does not know"),
            ("unknown_item_share", 0.05, "warn", "models that read items miss these lines"),
            ("unknown_user_share", 0.99, "block", "users and line_items do not speak of the same users"),
            ("unknown_user_share", 0.2, "warn", "models that read users know nothing of these"),
            ("lines_without_bill_share", 0.5, "block", "most lines belong to no bill"),
            ("lines_without_bill_share", 0.01, "warn", "their bills may not have been loaded"),
            ("bills_without_lines_share", 0.5, "block", "most bills have no line"),
            ("bills_without_lines_share", 0.05, "warn", "their lines may not have been loaded"),
            ("unknown_contact_share", 0.2, "warn", "these campaigns reached nobody that is known"),
            ("unknown_review_share", 0.2, "warn", "they cannot be used for any item or user"),
            ("unknown_media_share", 0.2, "warn", "they cannot be used for any item or user"),
        )
    ),
)
BOUNDS: Mapping[str, tuple[Bound, ...]] = {
    kpi: tuple(bound for bound in _DEFAULTS if bound.kpi == kpi) for kpi in KPIS if kpi in {b.kpi for b in _DEFAULTS}
}
"""The default bounds of every customer, blocking ones first; a KPI that is missing here has none."""

AT_MOST = {name for name in KPIS if name.endswith("_share")} - {"repeat_user_share"} | {
    "days_without_sales",
    "longest_gap_days",
    "freshness_days",
}


def find_kpis(
    values: Mapping[str, float | None], customer: Customer, vertical: Mapping[str, float] | None = None
) -> tuple[Finding, ...]:
    """Compare each bounded KPI with its bound: the customer file's threshold, else its vertical's, else the defaults.

    A threshold is the largest allowed value of shares and days, the factor (up or down) of spend_shift, and the least
    allowed value of every other KPI; it blocks, unless the KPI's default only warns. Of several broken defaults the
    strictest is reported. These bounds say whether a whole history is plausible; changes are judged by the customer's
    own past (history/findings.py). A threshold that looks like a misspelt KPI is a warning of its own.
    """
    findings = [
        _finding(values.get(kpi), bounds, source, customer)
        for kpi in KPIS
        for bounds, source in [_bounds_for(kpi, customer, vertical or {})]
        if bounds
    ]
    return (*findings, *_misspelt_thresholds(customer))


def _bounds_for(kpi: str, customer: Customer, vertical: Mapping[str, float]) -> tuple[tuple[Bound, ...], Origin]:
    defaults = BOUNDS.get(kpi, ())
    thresholds: Mapping[str, float]
    source: Origin
    thresholds, source = (
        (customer.thresholds, "customer file") if kpi in customer.thresholds else (vertical, "vertical")
    )
    if kpi not in thresholds:
        return defaults, "default"
    low, high = _limits(kpi, float(thresholds[kpi]))
    if not defaults:
        remedy = "Compare with the source; " + _allow_it(kpi)
        defaults = (Bound(kpi, None, None, "block", f"it is not what the {source} expects", remedy),)
    first = defaults[0]
    return (Bound(kpi, low, high, first.severity, first.why, first.remedy),), source


def _limits(kpi: str, threshold: float) -> tuple[float | None, float | None]:
    if kpi == "spend_shift":
        factor = max(threshold, 1 / threshold) if threshold > 0 else 1.0
        return 1 / factor, factor
    return (None, threshold) if kpi in AT_MOST else (threshold, None)


def _finding(value: float | None, bounds: tuple[Bound, ...], source: Origin, customer: Customer) -> Finding:
    bound = next((bound for bound in bounds if not _is_within(value, bound)), bounds[0])
    passed = _is_within(value, bound)
    limits = ", ".join(
        f"at {word} {format_number(limit)}"
        for word, limit in (("least", bound.low), ("most", bound.high))
        if limit is not None
    )
    place = f"{bound.kpi} of '{customer.name}'"
    if value is None:
        message = f"{place} cannot be told from this data, so it is not judged."
    else:
        message = f"{place} is {format_number(value)} ({KPIS[bound.kpi]}; {source}: {limits})"
        message += "." if passed else f": {bound.why}."
    remedy = "" if passed else bound.remedy.replace("{file}", customer_file_name(customer))
    rule = _describe_rule(bound.kpi, source, customer)
    return Finding(bound.kpi, value, bound.low, bound.high, source, bound.severity, passed, message, remedy, rule)


def _describe_rule(kpi: str, source: Origin, customer: Customer) -> str:
    if source == "customer file":
        return f"thresholds.{kpi} in {customer_file_name(customer)}."
    if source == "vertical":
        return f"What is usual in the vertical '{customer.vertical}' (capflow vertical show {customer.vertical})."
    return "What can hardly be right for any retailer."


def _is_within(value: float | None, bound: Bound) -> bool:
    if value is None:
        return True
    return (bound.low is None or value >= bound.low) and (bound.high is None or value <= bound.high)


def _misspelt_thresholds(customer: Customer) -> list[Finding]:
    findings = []
    for name in sorted(set(customer.thresholds) - set(KPIS)):
        if near := closest(name, KPIS, cutoff=0.85):
            message = f"thresholds.{name} of '{customer.name}' is no KPI and changes nothing."
            remedy = f"Write thresholds.{near} in {customer_file_name(customer)}."
            findings.append(Finding(name, None, None, None, "customer file", "warn", False, message, remedy))
    return findings


def customer_file_name(customer: Customer) -> str:
    """Return the customer file's name in messages: customers/NAME.yaml."""
    return f"customers/{customer.name}.yaml"
