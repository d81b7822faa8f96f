"""The geometry of charts: bars, lines and bands in pixels, which a template renders as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from math import floor, log10

from capflow_assets.validation.kpis.distributions import Distribution
from capflow_assets.validation.kpis.format import format_number
from capflow_assets.validation.plots import group_bars
from capflow_assets.validation.series import Series

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640.0, 62.0, 8.0, 10.0, 38.0
MOST_LABELS = 8


@dataclass(frozen=True)
class Tick:
    """A position on an axis, in pixels, and its label."""

    at: float
    text: str


@dataclass(frozen=True)
class Bar:
    """A bar's box in pixels, its text, and whether it stands for everything beyond the other bars."""

    x: float
    y: float
    width: float
    height: float
    text: str
    last: bool = False


@dataclass(frozen=True)
class Dot:
    """A day outside its band."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart `height` pixels high; `words` describe it for screen readers."""

    name: str
    title: str
    words: str
    x: str
    y: str
    height: float
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()
    lines: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    dots: tuple[Dot, ...] = ()
    note: str = ""

    @property
    def floor(self) -> float:
        """The position of the x axis, in pixels."""
        return self.height - BOTTOM


def draw_histogram(shape: Distribution) -> Chart:
    """Lay out the bars of a distribution, the last one paler for everything beyond; a note where it is empty."""
    height = 260.0
    if not shape.total:
        note = shape.note or "There is nothing to count."
        return Chart(shape.name, shape.title, note, shape.x, shape.y, height, note=note)
    width, drawn, beyond = group_bars(shape)
    end = drawn[-1][0] + width if drawn else shape.limit
    counted = [(f"{start:,}" if width == 1 else f"{start:,} to {start + width - 1:,}", n) for start, n in drawn]
    counted += [(f"{end:,} or more", beyond)] if beyond else []
    step = (WIDTH - LEFT - RIGHT) / len(counted)
    y_ticks, most = _round_scale(0, max(n for _, n in counted), height)
    boxes = tuple(
        Bar(
            round(LEFT + index * step + step * 0.06, 1),
            round(_y_pixel(n, 0, most, height), 1),
            round(step * 0.88, 1),
            round(height - BOTTOM - _y_pixel(n, 0, most, height), 1),
            f"{label} {shape.x}: {n:,} {shape.y}",
            bool(beyond) and index == len(counted) - 1,
        )
        for index, (label, n) in enumerate(counted)
    )
    every = -(-len(counted) // MOST_LABELS)
    places = [*range(0, len(drawn), every)]
    x_ticks = [Tick(round(LEFT + (index + 0.5) * step, 1), f"{drawn[index][0]:,}") for index in places]
    if beyond:
        x_ticks = [tick for tick in x_ticks if tick.at < WIDTH - RIGHT - 2 * step - 20]
        x_ticks.append(Tick(round(WIDTH - RIGHT - step / 2, 1), f"{end:,}+"))
    words = (
        f"{shape.total:,} {shape.y}. Half have at most {shape.quantile(0.5):,} {shape.x}, "
        f"nine in ten at most {shape.quantile(0.9):,}."
    )
    return Chart(shape.name, shape.title, words, shape.x, shape.y, height, tuple(x_ticks), y_ticks, boxes)


def draw_series(series: Series) -> Chart:
    """Lay out a daily figure as a line over its expected band; days outside the band are dots."""
    height, count = 190.0, len(series.values)
    first = date.fromisoformat(series.first_day)
    known = [value for row in (series.values, series.low, series.high) for value in row if value is not None]
    if not known:
        note = "No day has this figure yet."
        return Chart(series.name, series.title, note, "day", series.unit, height, note=note)
    least = min(0.0, *known)
    y_ticks, most = _round_scale(least, max(known), height)
    place = [LEFT + (WIDTH - LEFT - RIGHT) * (day / max(count - 1, 1)) for day in range(count)]

    def point(day: int, value: float) -> str:
        return f"{place[day]:.1f},{_y_pixel(value, least, most, height):.1f}"

    lines = tuple("M" + " L".join(point(day, series.values[day] or 0.0) for day in run) for run in _runs(series.values))
    bands = tuple(
        "M" + " L".join([*(point(day, series.low[day] or 0.0) for day in run),
                         *(point(day, series.high[day] or 0.0) for day in reversed(run))]) + " Z"
        for run in _runs([None if low is None or high is None else low
                          for low, high in zip(series.low, series.high, strict=True)])
    )  # fmt: skip
    dots = tuple(_outside_dots(series, first, place, least, most, height))
    return Chart(
        series.name, series.title, _describe_series(series, first, len(dots)), "day", series.unit, height,
        tuple(_month_ticks(first, count, place)), y_ticks, (), lines, bands, dots,
    )  # fmt: skip


def _describe_series(series: Series, first: date, outside: int) -> str:
    known = [(day, value) for day, value in enumerate(series.values) if value is not None]
    last = first + timedelta(days=len(series.values) - 1)
    text = f"From {first} to {last}."
    if known:
        day, value = known[-1]
        text += f" Newest: {format_number(value)} {series.unit} on {first + timedelta(days=day)}."
    judged = sum(low is not None or high is not None for low, high in zip(series.low, series.high, strict=True))
    return text + (f" {outside:,} of {judged:,} days lie outside what was expected." if judged else "")


def _outside_dots(
    series: Series, first: date, place: list[float], least: float, most: float, height: float
) -> Iterator[Dot]:
    for day, (value, low, high) in enumerate(zip(series.values, series.low, series.high, strict=True)):
        if value is None or ((low is None or value >= low) and (high is None or value <= high)):
            continue
        ends = (
            (f"at {word} {format_number(end)}") for word, end in (("least", low), ("most", high)) if end is not None
        )
        text = f"{first + timedelta(days=day)}: {format_number(value)} {series.unit}, expected {' and '.join(ends)}"
        yield Dot(round(place[day], 1), round(_y_pixel(value, least, most, height), 1), text)


def _month_ticks(first: date, count: int, place: list[float]) -> Iterator[Tick]:
    """Yield ticks at the first of some months; of a short series, at its first and last day."""
    starts = [day for day in range(count) if (first + timedelta(days=day)).day == 1]
    if len(starts) < 2:
        for day in sorted({0, count - 1}):
            yield Tick(round(place[day], 1), (first + timedelta(days=day)).isoformat())
        return
    for day in starts[:: -(-len(starts) // MOST_LABELS)]:
        yield Tick(round(place[day], 1), (first + timedelta(days=day)).strftime("%Y-%m"))


def _runs(values: Sequence[float | None]) -> Iterator[list[int]]:
    """Yield runs of consecutive days that have a value."""
    for known, days in groupby(range(len(values)), key=lambda day: values[day] is not None):
        if known:
            yield list(days)


def _round_scale(least: float, most: float, height: float) -> tuple[tuple[Tick, ...], float]:
    """Return ticks at round numbers from `least`, and the round number at the top."""
    span = (most - least) or 1.0
    rough = span / 4
    base = 10 ** floor(log10(rough))
    step = next(base * factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= rough)
    low = floor(least / step) * step
    places = [low]
    while places[-1] < most or len(places) < 2:
        places.append(places[-1] + step)
    top = places[-1]
    return tuple(Tick(round(_y_pixel(p, least, top, height), 1), format_number(p)) for p in places if p >= least), top


def _y_pixel(value: float, least: float, most: float, height: float) -> float:
    return TOP + (height - TOP - BOTTOM) * (most - value) / ((most - least) or 1.0)
