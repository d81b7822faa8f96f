"""Findings on the last day of each daily figure, against the customer's file, its own history and its vertical."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from capflow_assets.validation.bounds import Finding, Origin, Severity, customer_file_name
from capflow_assets.validation.history import sentences
from capflow_assets.validation.history.figures import EVERY, FIGURES, MISSING, PREFIX, Figure
from capflow_assets.validation.history.learned_bands import LearnedBands
from capflow_assets.validation.kpis.format import format_number as written
from capflow_assets.validation.series import Series
from partitions.customer import Customer
from partitions.hints import closest

if TYPE_CHECKING:
    from capflow_assets.validation.history.bands import Band

SERIES_DAYS = 400
OWN_HISTORY = "own_history"
Ends = tuple[float, float]


def find_daily(look: LearnedBands | None, customer: Customer, vertical: Mapping[str, float]) -> tuple[Finding, ...]:
    """Return one finding per figure that can be judged on the last day: the worst of its day, week and month.

    The customer file's threshold comes first, then the customer's own history, then the vertical's threshold. Where
    the history is too short for any figure, one finding says so.
    """
    wrong = _misspelt_figures(customer)
    if look is None:
        return wrong
    found = [_finding(look, name, customer, vertical) for name in EVERY if name in look.bands]
    judged = [one for one in found if one is not None]
    if not any(one.source == "own history" and one.kpi in FIGURES for one in judged):
        judged.append(_too_short(look, customer))
    return (*judged, *wrong)


def build_series(look: LearnedBands | None) -> tuple[Series, ...]:
    """Return every figure by day with its warning limits, over the last 400 days."""
    if look is None:
        return ()
    first = look.panel.date(max(look.panel.days - SERIES_DAYS, 0)).isoformat()
    return tuple(
        Series(name, figure.title, figure.unit, first, *map(_round_for_plot, (day.value, day.warn[0], day.warn[1])))
        for name, figure in FIGURES.items()
        for day in look.bands[name][:1]
    )


def _finding(look: LearnedBands, name: str, customer: Customer, vertical: Mapping[str, float]) -> Finding | None:
    figure = EVERY[name]
    day = look.day_for(figure, look.panel.days - 1)
    bands = [band for band in look.bands[name] if not math.isnan(band.value[day])]
    if name in customer.thresholds:
        allowed = [(band, _customer_limits(band, day, float(customer.thresholds[name]))) for band in bands]
        return _worst_finding(
            look, day, [(b, ends) for b, ends in allowed if ends], _severity(figure), "customer file", customer
        )
    known = [band for band in bands if not math.isnan(band.warn[1][day])]
    if known:
        for severity, ends in (("block", "block"), ("warn", "warn")):
            judged = [(band, _limits_on(getattr(band, ends), day)) for band in known]
            found = _worst_finding(look, day, judged, severity, "own history", customer)  # type: ignore[arg-type]
            if found is not None and not found.passed:
                return found
        return found
    if name in vertical and figure.kind == "share":
        shares = [(band, (-math.inf, float(vertical[name]))) for band in bands]
        return _worst_finding(look, day, shares, _severity(figure), "vertical", customer)
    return None


def _worst_finding(
    look: LearnedBands,
    day: int,
    judged: list[tuple[Band, Ends]],
    severity: Severity,
    source: Origin,
    customer: Customer,
) -> Finding | None:
    """Return the finding on the first window that is out of bounds, else on the shortest one."""
    if not judged:
        return None
    band, ends = next(((b, e) for b, e in judged if not e[0] <= b.value[day] <= e[1]), judged[0])
    value, name = float(band.value[day]), PREFIX + band.figure.name
    passed = ends[0] <= value <= ends[1]
    days = sentences.describe_days(look, band, day)
    place = f"{name} of '{customer.name}' is {sentences.format_figure(band.figure, value)} {days}"
    message = f"{place} ({band.figure.title}; {source}: {_format_limits(band.figure, ends)})"
    missed = sentences.describe_missing(look, band, day) if not passed else ""
    message += "." if passed else f": {band.figure.why}{': ' + missed if missed else ''}."
    remedy = "" if passed else sentences.describe_remedy(look, band, day, customer_file_name(customer))
    low, high = (None if math.isinf(end) else end for end in ends)
    return Finding(
        name,
        value,
        low,
        high,
        source,
        severity,
        passed,
        message,
        remedy,
        _describe_rule(look, band, day, source, customer),
    )


def _describe_rule(look: LearnedBands, band: Band, day: int, source: Origin, customer: Customer) -> str:
    name = PREFIX + band.figure.name
    if source == "own history":
        return sentences.describe_rule(look, band, day)
    if source == "vertical":
        return f"What is usual in the vertical '{customer.vertical}', as this history is too short to learn from."
    return f"thresholds.{name} in {customer_file_name(customer)}: {written(float(customer.thresholds[name]))}."


def _customer_limits(band: Band, day: int, threshold: float) -> Ends | None:
    """Convert a customer file's threshold to limits: the largest share, or a distance from the expected."""
    kind = band.figure.kind
    if kind == "share" or PREFIX + band.figure.name in MISSING:
        return -math.inf, threshold
    low, high = _limits_on(band.expected, day)
    if math.isnan(low):
        return None
    if kind == "hour":
        return low - abs(threshold), high + abs(threshold)
    factor = max(threshold, 1 / threshold) if threshold > 0 else 1.0
    return low / factor, high * factor


def _limits_on(ends: tuple[Any, Any], day: int) -> Ends:
    return float(ends[0][day]), float(ends[1][day])


def _severity(figure: Figure) -> Severity:
    return "warn" if figure.block == (None, None) else "block"


def _format_limits(figure: Figure, ends: Ends) -> str:
    texts = [
        f"at {word} {sentences.format_figure(figure, end)}"
        for word, end in zip(("least", "most"), ends, strict=True)
        if abs(end) < math.inf
    ]
    return ", ".join(texts) or "without limit"


def _too_short(look: LearnedBands, customer: Customer) -> Finding:
    days = look.panel.days
    message = (
        f"{OWN_HISTORY} of '{customer.name}' cannot be judged from this data: a history of "
        f"{days:,} days is too short (8 weeks for days, 24 for months), or was restarted by 'expected'."
    )
    rule = "Until then the bounds of the customer file, the vertical and the defaults hold."
    return Finding(OWN_HISTORY, None, None, None, "own history", "warn", True, message, "", rule)


def _misspelt_figures(customer: Customer) -> tuple[Finding, ...]:
    """Warn of thresholds and expected figures that look like daily figures and are none."""
    named = [(f"thresholds.{name}", name) for name in customer.thresholds if name.startswith(PREFIX)]
    named += [(f"figure '{name}' under expected", name) for one in customer.expected for name in one.figures]
    return tuple(
        _unknown_figure(where, name, customer) for where, name in named if not {name, PREFIX + name} & set(EVERY)
    )


def _unknown_figure(where: str, name: str, customer: Customer) -> Finding:
    near = closest(name, EVERY, cutoff=0.5)
    hint = f"Write {near}" if near else f"Use one of {', '.join(EVERY)}"
    message = f"{where} of '{customer.name}' is no daily figure and changes nothing."
    remedy = f"{hint} in {customer_file_name(customer)}."
    return Finding(name, None, None, None, "customer file", "warn", False, message, remedy)


def _round_for_plot(values: Any) -> tuple[float | None, ...]:
    """Convert for JSON, rounded to five digits, which are enough to plot."""
    return tuple(float(f"{value:.5g}") if math.isfinite(value) else None for value in values[-SERIES_DAYS:].tolist())
