"""The expected range of a figure on each day, learned only from the days before it.

A day is compared with the same weekday of the eight weeks before it, a week with the eight weeks before, 28 days with
the three periods of 28 days before. Where there is a year of history, the seasonal value of a year ago at today's level
is a second estimate; a value between the two is no shift. The spread is how far off this estimate usually was over the
year before, and robust: the median and 95 % quantile of the residuals, each in units of the sampling noise of so many
bills, so that quiet series, small days and heavy tails each get a fitting width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.validation.history.figures import Figure
from capflow_assets.validation.history.scales import SCALES, Scale, aggregate_window

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily_panel import DailyPanel

LAGS = {1: tuple(range(7, 57, 7)), 7: tuple(range(7, 57, 7)), 28: (28, 56, 84)}
LEAST_LAGS = {1: 4, 7: 4, 28: 2}
YEAR = (357, 364, 371)
SPREAD_DAYS, LEAST_MISSES = 364, 28
WARN_SPREADS, BLOCK_SPREADS = 3.5, 5.5
_MAD, _Q95 = 1.4826, 1.96


@dataclass(frozen=True)
class Band:
    """One figure and window, one entry per day: the value, the expected range (from, to), the spread in the figure's
    own unit (0.08 is 8 %; points of shares, hours of times), and the limits of warning and block.

    NaN where nothing can be said; a limit that cannot be crossed is infinite.
    """

    figure: Figure
    window: int
    value: np.ndarray
    expected: tuple[np.ndarray, np.ndarray]
    spread: np.ndarray
    warn: tuple[np.ndarray, np.ndarray]
    block: tuple[np.ndarray, np.ndarray]

    @property
    def warns(self) -> np.ndarray:
        """The days on which the value lies outside the warning limits; never where a limit or value is NaN."""
        return (self.value < self.warn[0]) | (self.value > self.warn[1])

    @property
    def blocks(self) -> np.ndarray:
        """The days on which the value lies outside the block limits."""
        return (self.value < self.block[0]) | (self.value > self.block[1])


def compute_band(panel: DailyPanel, figure: Figure, window: int, since: int = 0) -> Band:
    """Compute the band of a figure over windows of `window` days, ignoring days before `since` (an index)."""
    import numpy as np

    shape = SCALES[figure.kind]
    value, size = aggregate_window(panel, figure, window)
    value = np.where(np.arange(len(value)) < since + window - 1, np.nan, value)
    turned = shape.turn(value)
    low, high = _predict_range(turned, window)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = shape.back((low + high) / 2)
        noise = shape.noise / np.sqrt(np.maximum(middle if figure.kind == "count" else size, 0.5))
    miss = np.where(np.isnan(low), np.nan, np.maximum(np.maximum(turned - high, low - turned), 0))
    spread = noise * _usual_residual(miss / noise, window, shape.least)
    warn = _limits(shape, (low, high), spread, WARN_SPREADS, figure.warn)
    block = _limits(shape, (low, high), spread, BLOCK_SPREADS, figure.block)
    expected = shape.back(low), shape.back(high)
    return Band(figure, window, value, expected, shape.points(middle, spread), warn, block)


def _predict_range(turned: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected range (from, to): the median of comparable windows, and that median moved by the season."""
    import numpy as np

    recent = median(np.array([shift_days(turned, lag) for lag in LAGS[window]]), LEAST_LAGS[window])
    then = median(np.array([shift_days(turned, lag) for lag in YEAR]), 1)
    season = recent + then - shift_days(recent, YEAR[1])
    return np.fmin(recent, season + 0 * recent), np.fmax(recent, season + 0 * recent)


def _usual_residual(misses: np.ndarray, window: int, least: float) -> np.ndarray:
    """Return the usual size of a residual over the year that ended before each day's window began; NaN from too few."""
    import numpy as np

    padded = np.concatenate([np.full(SPREAD_DAYS + window - 1, np.nan), misses])
    past = np.lib.stride_tricks.sliding_window_view(padded, SPREAD_DAYS)[: len(misses)]
    ordered = np.sort(past, axis=1)  # NaN come last
    count = (~np.isnan(past)).sum(axis=1)
    row = np.arange(len(misses))
    median, far = (ordered[row, np.maximum(np.ceil(part * count).astype(int) - 1, 0)] for part in (0.5, 0.95))
    found = np.maximum(np.maximum(_MAD * median, far / _Q95), least)
    return np.where(count >= LEAST_MISSES + window - 1, found, np.nan)


def _limits(
    shape: Scale,
    expected: tuple[np.ndarray, np.ndarray],
    spread: np.ndarray,
    times: float,
    shift: tuple[float | None, float | None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits: so many spreads from the expected range, but at least a shift that matters."""
    import numpy as np

    (low, high), (least, most), known = expected, shift, ~np.isnan(spread)
    down = np.minimum(shape.back(low - times * spread), shape.shift_by(shape.back(low), least, -1))
    up = np.maximum(shape.back(high + times * spread), shape.shift_by(shape.back(high), most, 1))
    return (
        np.where(known, down if least is not None else -np.inf, np.nan),
        np.where(known, up if most is not None else np.inf, np.nan),
    )


def shift_days(values: np.ndarray, days: int) -> np.ndarray:
    """Shift a series so that each day's value stands `days` days later."""
    import numpy as np

    return np.concatenate([np.full(min(days, len(values)), np.nan), values[:-days]])


def median(stack: np.ndarray, least: int) -> np.ndarray:
    """Return the median by column over the values that are not NaN; NaN where there are fewer than `least`."""
    import numpy as np

    ordered = np.sort(stack, axis=0)
    count = (~np.isnan(stack)).sum(axis=0)
    column = np.arange(stack.shape[1])
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(stack) - 1)
    return np.where(count >= least, (ordered[low, column] + ordered[high, column]) / 2, np.nan)
