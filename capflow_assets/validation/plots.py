"""Plots of distributions and daily figures as PNG, for the Dagster UI."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from capflow_assets.validation.kpis.distributions import Distribution
from capflow_assets.validation.series import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, BAR, LAST_BAR, PALE, ODD = "#1f3a5f", "#4a7fb5", "#a9c5e0", "#d7dee6", "#b3261e"
WIDTHS = (1, 2, 5, 7, 14, 28, 56, 91, 182)
MOST_BARS = 32
COLUMNS, MOST_SERIES = 3, 6


def draw_distribution(distribution: Distribution, customer: str = "") -> bytes:
    """Draw a distribution as a bar chart, PNG bytes of 6 x 3 inches; its note where there is nothing to draw.

    The bars reach to the 98th percentile; the rest is one paler bar at the end. Uses no pyplot state, so it may run in
    any thread.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), dpi=100, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    title = f"{distribution.title} ({customer})" if customer else distribution.title
    # parse_math: a "$" in a name is money, not mathematics.
    axes.set_title(title, loc="left", fontsize=11, color=INK, parse_math=False)
    if distribution.total:
        _draw_bars(axes, distribution)
    else:
        _draw_note(axes, distribution.note or "There is nothing to count.")
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def draw_series(series: Sequence[Series], customer: str = "") -> bytes:
    """Draw at most 6 daily figures side by side, each over its expected band, as one PNG; days outside it are dots."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = series[:MOST_SERIES]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(4 * columns, 1.9 * rows), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    for place, one in enumerate(shown, start=1):
        _draw_days(figure.add_subplot(rows, columns, place), one)
    figure.subplots_adjust(left=0.05, right=0.99, top=1 - 0.5 / (1.9 * rows), bottom=0.12 / rows, hspace=0.6)
    if customer:
        figure.suptitle(customer, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def png_markdown(png: bytes, title: str = "plot") -> str:
    """Embed a PNG in Markdown as a data URI; `title` is escaped for Markdown and HTML."""
    safe = html.escape(re.sub(r"[\[\]\\`\r\n]", " ", title))
    return f"![{safe}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def group_bars(distribution: Distribution) -> tuple[int, tuple[tuple[int, int], ...], int]:
    """Group a distribution into bars: their width, (start, count) of each, and the count beyond the last one."""
    least = distribution.counts[0][0]
    most = distribution.quantile(0.98) or 0
    width = next((w for w in WIDTHS if (most - least) // w < MOST_BARS), (most - least) // MOST_BARS + 1)
    start = least // width * width
    end = start + ((most - start) // width + 1) * width
    if most == distribution.limit:  # the limit stands for all above it: never inside an ordinary bar
        end = max(most // width * width, start)
    heights = dict.fromkeys(range(start, end, width), 0)
    beyond = 0
    for value, count in distribution.counts:
        if value < end and value < distribution.limit:
            heights[value // width * width] += count
        else:
            beyond += count
    return width, tuple(heights.items()), beyond


def _draw_bars(axes: Axes, distribution: Distribution) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    width, drawn, beyond = group_bars(distribution)
    starts, heights = [start for start, _ in drawn], [height for _, height in drawn]
    align: Literal["center", "edge"] = "center" if width == 1 else "edge"
    shift = 0.0 if width == 1 else width * 0.04
    axes.bar([s + shift for s in starts], heights, width=width * 0.92, align=align, color=BAR)
    if beyond:
        end = starts[-1] + width if starts else distribution.limit
        axes.bar(end + width / 2 + shift, beyond, width=width * 0.92, align=align, color=LAST_BAR)
        axes.annotate(
            f"{end:,}+", (end + width / 2 + shift, beyond), ha="left" if align == "edge" else "center", va="bottom",
            fontsize=8, color=INK,
        )  # fmt: skip
    median = distribution.quantile(0.5)
    axes.set_xlabel(distribution.x, fontsize=9, color=INK)
    axes.set_ylabel(distribution.y, fontsize=9, color=INK)
    axes.text(
        0.99, 0.97, f"{distribution.total:,} {distribution.y}, median {median:,}", transform=axes.transAxes,
        ha="right", va="top", fontsize=9, color=INK,
    )  # fmt: skip
    axes.margins(y=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(labelsize=8, colors=INK, length=0)
    axes.grid(axis="y", color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALE)


def _draw_days(axes: Axes, series: Series) -> None:
    import numpy as np

    values, low, high = (np.array(row, dtype="float64") for row in (series.values, series.low, series.high))
    days = np.arange(len(values))
    axes.fill_between(days, low, high, color=PALE, linewidth=0)
    axes.plot(days, values, color=BAR, linewidth=0.9)
    with np.errstate(invalid="ignore"):
        odd = (values < low) | (values > high)
    axes.plot(days[odd], values[odd], "o", color=ODD, markersize=2.5)
    axes.set_title(f"{series.title} ({series.unit})", loc="left", fontsize=9, color=INK, parse_math=False)
    first = date.fromisoformat(series.first_day)
    places = sorted({0, len(values) - 1})
    axes.set_xticks(places, [str(first + timedelta(days=place)) for place in places], fontsize=7, color=INK)
    axes.tick_params(labelsize=7, colors=INK, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALE)


def _draw_note(axes: Axes, text: str) -> None:
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=9, color=INK, parse_math=False
    )
