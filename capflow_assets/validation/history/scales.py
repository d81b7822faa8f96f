"""The scale on which a kind of figure is compared: log for counts and money, arcsine for shares, linear for hours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.validation.history.figures import Figure, Kind

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily_panel import DailyPanel


@dataclass(frozen=True)
class LogScale:
    """For counts, means and levels: shifts are factors. The sampling noise of n is `noise` / sqrt(n)."""

    noise: float
    least: float

    def turn(self, value: np.ndarray) -> np.ndarray:
        """Transform to the scale of comparison."""
        import numpy as np

        return np.log(np.where(value > 0, value, np.nan))

    def back(self, turned: np.ndarray) -> np.ndarray:
        """Transform back."""
        import numpy as np

        return np.exp(np.minimum(turned, 700))

    def shift_by(self, value: np.ndarray, shift: float | None, sign: int) -> np.ndarray:
        """Return the value after a shift that matters, up (1) or down (-1)."""
        return value if shift is None else value * shift**sign

    def points(self, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Convert a spread to the figure's own unit."""
        return self.back(spread) - 1


@dataclass(frozen=True)
class ArcsineScale:
    """For shares, the arcsine of the square root: its sampling noise is 1 / sqrt(n) for any share (Bartlett 1947)."""

    noise: float = 1.0
    least: float = 1.0

    def turn(self, value: np.ndarray) -> np.ndarray:
        """Transform to the scale of comparison."""
        import numpy as np

        return 2 * np.arcsin(np.sqrt(np.clip(value, 0, 1)))

    def back(self, turned: np.ndarray) -> np.ndarray:
        """Transform back."""
        import numpy as np

        return np.sin(np.clip(turned, 0, np.pi) / 2) ** 2

    def shift_by(self, value: np.ndarray, shift: float | None, sign: int) -> np.ndarray:
        """Return the value after a shift that matters, up (1) or down (-1)."""
        return value if shift is None else value + sign * shift

    def points(self, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Convert a spread to the figure's own unit."""
        return self.back(self.turn(middle) + spread) - middle


@dataclass(frozen=True)
class LinearScale:
    """For hours of the day, untransformed."""

    noise: float
    least: float

    def turn(self, value: np.ndarray) -> np.ndarray:
        """Transform to the scale of comparison."""
        return value

    def back(self, turned: np.ndarray) -> np.ndarray:
        """Transform back."""
        return turned

    def shift_by(self, value: np.ndarray, shift: float | None, sign: int) -> np.ndarray:
        """Return the value after a shift that matters, up (1) or down (-1)."""
        return value if shift is None else value + sign * shift

    def points(self, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Convert a spread to the figure's own unit."""
        return spread


Scale = LogScale | ArcsineScale | LinearScale
SCALES: Mapping[Kind, Scale] = {
    "count": LogScale(noise=1, least=1),
    "mean": LogScale(noise=0.6, least=0.7),
    "level": LogScale(noise=0.5, least=0.05),
    "share": ArcsineScale(),
    "hour": LinearScale(noise=3, least=0.5),
}


def aggregate_window(panel: DailyPanel, figure: Figure, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Aggregate a figure over the `window` days that end with each day; return it and its number of bills or lines.

    NaN where there are none, and on the first days, whose window is not full.
    """
    import numpy as np

    over, of = panel.columns[figure.over], panel.columns[figure.of]
    size = roll(of, window, np.sum)
    if figure.kind == "count":
        value = roll(over, window, np.sum)
    elif figure.kind == "level":
        value = roll(over, window, _median)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = roll(over, window, np.sum) / size
    return np.where(size > 0, value, np.nan), np.where(size > 0, size, np.nan)


def roll(values: np.ndarray, window: int, fold: Callable[..., np.ndarray]) -> np.ndarray:
    """Apply `fold` to the `window` values that end with each; NaN for the first values, whose window is not full."""
    import numpy as np

    if len(values) < window:
        return np.full(len(values), np.nan)
    full = fold(np.lib.stride_tricks.sliding_window_view(values, window), axis=1)
    return np.concatenate([np.full(window - 1, np.nan), full])


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    import numpy as np

    ordered = np.sort(values, axis=axis)  # NaN come last
    count = (~np.isnan(values)).sum(axis=axis)
    row = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    middle: np.ndarray = (ordered[row, low] + ordered[row, high]) / 2
    return middle
