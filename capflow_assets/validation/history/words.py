"""How a learned bound is told: the figure, the days, the rule that made the number, and what to do."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from capflow_assets.validation.history.bands import BLOCK_SPREADS, LAGS, WARN_SPREADS
from capflow_assets.validation.history.figures import MISSING, PREFIX, Figure
from capflow_assets.validation.history.missing import SURE, gone
from capflow_assets.validation.kpis.catalogue import figure as written

if TYPE_CHECKING:
    from capflow_assets.validation.history.bands import Band
    from capflow_assets.validation.history.learned import Look

MOST_NAMES = 5


def when(look: Look, band: Band, day: int) -> str:
    """On which days: "on Friday 2026-10-30", "in the 7 days to 2026-10-30"."""
    last = look.panel.date(day)
    return f"on {last:%A} {last}" if band.window == 1 else f"in the {band.window} days to {last}"


def rule(look: Look, band: Band, day: int) -> str:
    """How the bound was made, as a sentence."""
    figure = band.figure
    if PREFIX + figure.name in MISSING:
        return _rule_of_missing(look, band, day)
    low, high = (float(end[day]) for end in band.expected)
    usual = said(figure, low) if _close(low, high) else f"{said(figure, low)} to {said(figure, high)}"
    year = "" if _close(low, high) else ", or what a year ago leads to expect"
    return (
        f"{_compared(look, band, day)}: usually {usual} (the median{year}), "
        f"give or take {_size(figure, float(band.spread[day]))}. "
        f"A warning needs a shift of {WARN_SPREADS:g} times that{_least(figure, figure.warn)}, "
        f"a block {BLOCK_SPREADS:g} times{_least(figure, figure.block)}."
    )


def missed(look: Look, band: Band, day: int) -> str:
    """Which stores or channels are missing, with the bills that they usually have; "" for other figures."""
    if PREFIX + band.figure.name not in MISSING or not band.figure.over:
        return ""
    places = gone(look.panel, band.figure, band.window, day, look.since[PREFIX + band.figure.name])
    names = ", ".join(f"{name} (usually {bills:,.0f} bills)" for name, bills in places[:MOST_NAMES])
    return names + (f" and {len(places) - MOST_NAMES:,} more" if len(places) > MOST_NAMES else "")


def remedy(look: Look, band: Band, day: int, file: str) -> str:
    """What to do: look there, or accept the new state."""
    name = PREFIX + band.figure.name
    first = look.panel.date(day) - timedelta(days=band.window - 1)
    check = band.figure.check.replace("{file}", file)
    return f"{check}if it is right, add to {file}: {accepted(first, name)}"


def accepted(first: date, name: str) -> str:
    """The entry of a customer file that takes a new state for right."""
    return f'expected: [{{from: {first}, figures: [{name}], why: "..."}}]'


def said(figure: Figure, value: float) -> str:
    """A value as a retailer writes it."""
    if figure.kind == "hour":
        minutes = round(value * 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    return written(value)


def _compared(look: Look, band: Band, day: int) -> str:
    if band.window == 1:
        return f"{look.panel.date(day):%A}s of the last {len(LAGS[1])} weeks"
    return f"The last {len(LAGS[band.window])} times {band.window} days"


def _close(low: float, high: float) -> bool:
    return abs(high - low) <= 0.005 * max(abs(low), abs(high))


def _size(figure: Figure, spread: float) -> str:
    if figure.kind == "share":
        return f"{100 * spread:.2g} points"
    return f"{60 * spread:.0f} minutes" if figure.kind == "hour" else f"{100 * spread:.2g} %"


def _least(figure: Figure, shift: tuple[float | None, float | None]) -> str:
    sides = [
        (word, amount) for word, amount in zip(("down", "up"), shift, strict=True) if amount is not None and amount > 0
    ]
    if not sides:
        return ", which never happens here"
    texts = {
        "share": lambda amount: f"{100 * amount:g} points",
        "hour": lambda amount: f"{amount:g} hours",
    }
    text = texts.get(figure.kind, lambda amount: f"a factor of {amount:g}")
    return " and at least " + " or ".join(f"{text(amount)} {word}" for word, amount in sides)


def _rule_of_missing(look: Look, band: Band, day: int) -> str:
    what = "a weekday" if not band.figure.over else f"a {band.figure.over.removesuffix('_id')}"
    most = float(band.block[1][day])
    blocks = "It never blocks." if most == float("inf") else f"More than {most:.0%} of the usual bills block."
    return f"Missing is {what} without a bill that by the last {len(LAGS[1])} weeks has {SURE:g} or more. {blocks}"
