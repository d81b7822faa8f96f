"""What the last day says against the customer's own history, its vertical and its file: one finding a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from capflow_assets.validation.bounds import Finding, Origin, Severity, customer_file
from capflow_assets.validation.history import words
from capflow_assets.validation.history.figures import EVERY, FIGURES, MISSING, PREFIX, Figure
from capflow_assets.validation.history.learned import Look
from capflow_assets.validation.kpis.catalogue import figure as written
from capflow_assets.validation.series import Series
from partitions.customer import Customer
from partitions.hints import closest

if TYPE_CHECKING:
    from capflow_assets.validation.history.bands import Band

SERIES_DAYS = 400
OWN_HISTORY = "own_history"
Ends = tuple[float, float]


def findings(look: Look | None, customer: Customer, vertical: Mapping[str, float]) -> tuple[Finding, ...]:
    """One finding a figure that can be judged on the last day; the worst of its day, week and month is told.

    The customer file's threshold comes first, then the customer's own history, then the vertical's threshold. Where
    the history is too short for any figure, one finding says so.
    """
    wrong = _misspelt(customer)
    if look is None:
        return wrong
    found = [_finding(look, name, customer, vertical) for name in EVERY if name in look.bands]
    judged = [one for one in found if one is not None]
    if not any(one.source == "own history" and one.kpi in FIGURES for one in judged):
        judged.append(_too_short(look, customer))
    return (*judged, *wrong)


def series(look: Look | None) -> tuple[Series, ...]:
    """Every figure by day with the range outside which it is a warning, over the last 400 days."""
    if look is None:
        return ()
    first = look.panel.date(max(look.panel.days - SERIES_DAYS, 0)).isoformat()
    return tuple(
        Series(name, figure.title, figure.unit, first, *map(_drawn, (day.value, day.warn[0], day.warn[1])))
        for name, figure in FIGURES.items()
        for day in look.bands[name][:1]
    )


def _finding(look: Look, name: str, customer: Customer, vertical: Mapping[str, float]) -> Finding | None:
    figure = EVERY[name]
    day = look.day_for(figure, look.panel.days - 1)
    bands = [band for band in look.bands[name] if not math.isnan(band.value[day])]
    if name in customer.thresholds:
        allowed = [(band, _allowed(band, day, float(customer.thresholds[name]))) for band in bands]
        return _worst(
            look, day, [(b, ends) for b, ends in allowed if ends], _severity(figure), "customer file", customer
        )
    known = [band for band in bands if not math.isnan(band.warn[1][day])]
    if known:
        for severity, ends in (("block", "block"), ("warn", "warn")):
            judged = [(band, _at(getattr(band, ends), day)) for band in known]
            found = _worst(look, day, judged, severity, "own history", customer)  # type: ignore[arg-type]
            if found is not None and not found.passed:
                return found
        return found
    if name in vertical and figure.kind == "share":
        shares = [(band, (-math.inf, float(vertical[name]))) for band in bands]
        return _worst(look, day, shares, _severity(figure), "vertical", customer)
    return None


def _worst(
    look: Look, day: int, judged: list[tuple[Band, Ends]], severity: Severity, source: Origin, customer: Customer
) -> Finding | None:
    """The finding on the first window that is out of bounds, else on the shortest one."""
    if not judged:
        return None
    band, ends = next(((b, e) for b, e in judged if not e[0] <= b.value[day] <= e[1]), judged[0])
    value, name = float(band.value[day]), PREFIX + band.figure.name
    passed = ends[0] <= value <= ends[1]
    place = f"{name} of '{customer.name}' is {words.said(band.figure, value)} {words.when(look, band, day)}"
    message = f"{place} ({band.figure.title}; {source}: {_limits(band.figure, ends)})"
    missed = words.missed(look, band, day) if not passed else ""
    message += "." if passed else f": {band.figure.why}{': ' + missed if missed else ''}."
    remedy = "" if passed else words.remedy(look, band, day, customer_file(customer))
    low, high = (None if math.isinf(end) else end for end in ends)
    return Finding(
        name, value, low, high, source, severity, passed, message, remedy, _rule(look, band, day, source, customer)
    )


def _rule(look: Look, band: Band, day: int, source: Origin, customer: Customer) -> str:
    name = PREFIX + band.figure.name
    if source == "own history":
        return words.rule(look, band, day)
    if source == "vertical":
        return f"What is usual in the vertical '{customer.vertical}', as this history is too short to learn from."
    return f"thresholds.{name} in {customer_file(customer)}: {written(float(customer.thresholds[name]))}."


def _allowed(band: Band, day: int, threshold: float) -> Ends | None:
    """A threshold of the customer's file: the largest share; of others how far from what is expected, either way."""
    kind = band.figure.kind
    if kind == "share" or PREFIX + band.figure.name in MISSING:
        return -math.inf, threshold
    low, high = _at(band.expected, day)
    if math.isnan(low):
        return None
    if kind == "hour":
        return low - abs(threshold), high + abs(threshold)
    factor = max(threshold, 1 / threshold) if threshold > 0 else 1.0
    return low / factor, high * factor


def _at(ends: tuple[Any, Any], day: int) -> Ends:
    return float(ends[0][day]), float(ends[1][day])


def _severity(figure: Figure) -> Severity:
    return "warn" if figure.block == (None, None) else "block"


def _limits(figure: Figure, ends: Ends) -> str:
    texts = [
        f"at {word} {words.said(figure, end)}"
        for word, end in zip(("least", "most"), ends, strict=True)
        if abs(end) < math.inf
    ]
    return ", ".join(texts) or "without limit"


def _too_short(look: Look, customer: Customer) -> Finding:
    days = look.panel.days
    message = (
        f"{OWN_HISTORY} of '{customer.name}' cannot be told from this data, so it is not judged: a history of "
        f"{days:,} days is too short (8 weeks for days, 24 for months), or was started anew by 'expected'."
    )
    rule = "Until then the bounds of the customer file, the vertical and the defaults hold."
    return Finding(OWN_HISTORY, None, None, None, "own history", "warn", True, message, "", rule)


def _misspelt(customer: Customer) -> tuple[Finding, ...]:
    """Thresholds and expected figures that look like daily figures and are none: each a warning."""
    named = [(f"thresholds.{name}", name) for name in customer.thresholds if name.startswith(PREFIX)]
    named += [(f"figure '{name}' under expected", name) for one in customer.expected for name in one.figures]
    return tuple(_unknown(where, name, customer) for where, name in named if not {name, PREFIX + name} & set(EVERY))


def _unknown(where: str, name: str, customer: Customer) -> Finding:
    near = closest(name, EVERY, cutoff=0.5)
    hint = f"Write {near}" if near else f"Use one of {', '.join(EVERY)}"
    message = f"{where} of '{customer.name}' is no daily figure and changes nothing."
    remedy = f"{hint} in {customer_file(customer)}."
    return Finding(name, None, None, None, "customer file", "warn", False, message, remedy)


def _drawn(values: Any) -> tuple[float | None, ...]:
    """JSON-ready: five digits are enough to draw."""
    return tuple(float(f"{value:.5g}") if math.isfinite(value) else None for value in values[-SERIES_DAYS:].tolist())
