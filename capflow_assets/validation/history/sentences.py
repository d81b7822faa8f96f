"""The sentences of a finding on a daily figure: its days, how the bound was learned, and the remedy."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from capflow_assets.validation.history.bands import BLOCK_SPREADS, LAGS, WARN_SPREADS
from capflow_assets.validation.history.figures import MISSING, PREFIX, Figure
from capflow_assets.validation.history.missing import SURE, list_missing_places
from capflow_assets.validation.kpis.format import format_hour
from capflow_assets.validation.kpis.format import format_number as written

if TYPE_CHECKING:
    from capflow_assets.validation.history.bands import Band
    from capflow_assets.validation.history.learned_bands import LearnedBands

MOST_NAMES = 5


def describe_days(look: LearnedBands, band: Band, day: int) -> str:
    """Name the days of a window: "on Friday 2026-10-30", "in the 7 days to 2026-10-30"."""
    last = look.panel.date(day)
    return f"on {last:%A} {last}" if band.window == 1 else f"in the {band.window} days to {last}"


def describe_rule(look: LearnedBands, band: Band, day: int) -> str:
    """Explain in a sentence how the bound was learned."""
    figure = band.figure
    if PREFIX + figure.name in MISSING:
        return _describe_missing_rule(look, band, day)
    low, high = (float(end[day]) for end in band.expected)
    usual = (
        format_figure(figure, low)
        if _is_close(low, high)
        else f"{format_figure(figure, low)} to {format_figure(figure, high)}"
    )
    year = "" if _is_close(low, high) else ", or what a year ago leads to expect"
    return (
        f"{_describe_comparison(look, band, day)}: usually {usual} (the median{year}), "
        f"give or take {_format_spread(figure, float(band.spread[day]))}. "
        f"A warning needs a shift of {WARN_SPREADS:g} times that{_describe_least_shift(figure, figure.warn)}, "
        f"a block {BLOCK_SPREADS:g} times{_describe_least_shift(figure, figure.block)}."
    )


def describe_missing(look: LearnedBands, band: Band, day: int) -> str:
    """List the missing stores or channels with their usual number of bills; "" for other figures."""
    if PREFIX + band.figure.name not in MISSING or not band.figure.over:
        return ""
    places = list_missing_places(look.panel, band.figure, band.window, day, look.since[PREFIX + band.figure.name])
    names = ", ".join(f"{name} (usually {bills:,.0f} bills)" for name, bills in places[:MOST_NAMES])
    return names + (f" and {len(places) - MOST_NAMES:,} more" if len(places) > MOST_NAMES else "")


def describe_remedy(look: LearnedBands, band: Band, day: int, file: str) -> str:
    """Return the remedy: check the source, or accept the new level."""
    name = PREFIX + band.figure.name
    first = look.panel.date(day) - timedelta(days=band.window - 1)
    check = band.figure.check.replace("{file}", file)
    return f"{check}if it is right, add to {file}: {format_entry(first, name)}"


def format_entry(first: date, name: str) -> str:
    """Return the entry of a customer file that accepts a new level."""
    return f'expected: [{{from: {first}, figures: [{name}], why: "..."}}]'


def format_figure(figure: Figure, value: float) -> str:
    """Format a value of a daily figure: hours as HH:MM."""
    if figure.kind == "hour":
        return format_hour(value)
    return written(value)


def _describe_comparison(look: LearnedBands, band: Band, day: int) -> str:
    if band.window == 1:
        return f"{look.panel.date(day):%A}s of the last {len(LAGS[1])} weeks"
    return f"The last {len(LAGS[band.window])} times {band.window} days"


def _is_close(low: float, high: float) -> bool:
    return abs(high - low) <= 0.005 * max(abs(low), abs(high))


def _format_spread(figure: Figure, spread: float) -> str:
    if figure.kind == "share":
        return f"{100 * spread:.2g} points"
    return f"{60 * spread:.0f} minutes" if figure.kind == "hour" else f"{100 * spread:.2g} %"


def _describe_least_shift(figure: Figure, shift: tuple[float | None, float | None]) -> str:
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


def _describe_missing_rule(look: LearnedBands, band: Band, day: int) -> str:
    what = "a weekday" if not band.figure.over else f"a {band.figure.over.removesuffix('_id')}"
    most = float(band.block[1][day])
    blocks = "It never blocks." if most == float("inf") else f"More than {most:.0%} of the usual bills block."
    return f"Missing is {what} without a bill that by the last {len(LAGS[1])} weeks has {SURE:g} or more. {blocks}"
