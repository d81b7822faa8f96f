"""The scale on which each kind of figure is compared: factors for counts and money, angles for shares, hours as is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.validation.history.figures import Figure, Kind

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily import Panel


@dataclass(frozen=True)
class Log:
    """Counts, means and levels: shifts are factors. One of n has chance noise of `noise` / sqrt(n)."""

    noise: float
    least: float

    def turn(self, value: np.ndarray) -> np.ndarray:
        """To the scale of comparison."""
        import numpy as np

        return np.log(np.where(value > 0, value, np.nan))

    def back(self, turned: np.ndarray) -> np.ndarray:
        """From it."""
        import numpy as np

        return np.exp(np.minimum(turned, 700))

    def moved(self, value: np.ndarray, shift: float | None, sign: int) -> np.ndarray:
        """The value after a shift that matters, up (1) or down (-1)."""
        return value if shift is None else value * shift**sign

    def points(self, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """A spread in the figure's own terms."""
        return self.back(spread) - 1


@dataclass(frozen=True)
class Angle:
    """Shares, by the arcsine of their root: its chance noise is 1 / sqrt(n) whatever the share (Bartlett 1947)."""

    noise: float = 1.0
    least: float = 1.0

    def turn(self, value: np.ndarray) -> np.ndarray:
        """To the scale of comparison."""
        import numpy as np

        return 2 * np.arcsin(np.sqrt(np.clip(value, 0, 1)))

    def back(self, turned: np.ndarray) -> np.ndarray:
        """From it."""
        import numpy as np

        return np.sin(np.clip(turned, 0, np.pi) / 2) ** 2

    def moved(self, value: np.ndarray, shift: float | None, sign: int) -> np.ndarray:
        """The value after a shift that matters."""
        return value if shift is None else value + sign * shift

    def points(self, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """A spread in the figure's own terms."""
        return self.back(self.turn(middle) + spread) - middle


@dataclass(frozen=True)
class Plain:
    """Hours of the day, as they are."""

    noise: float
    least: float

    def turn(self, value: np.ndarray) -> np.ndarray:
        """To the scale of comparison."""
        return value

    def back(self, turned: np.ndarray) -> np.ndarray:
        """From it."""
        return turned

    def moved(self, value: np.ndarray, shift: float | None, sign: int) -> np.ndarray:
        """The value after a shift that matters."""
        return value if shift is None else value + sign * shift

    def points(self, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """A spread in the figure's own terms."""
        return spread


Shape = Log | Angle | Plain
SHAPES: Mapping[Kind, Shape] = {
    "count": Log(noise=1, least=1),
    "mean": Log(noise=0.6, least=0.7),
    "level": Log(noise=0.5, least=0.05),
    "share": Angle(),
    "hour": Plain(noise=3, least=0.5),
}


def windowed(panel: Panel, figure: Figure, window: int) -> tuple[np.ndarray, np.ndarray]:
    """The figure over the `window` days that end with each day, and of how many bills or lines it is; NaN where none.

    The first days, whose window is not full, have no value.
    """
    import numpy as np

    over, of = panel.columns[figure.over], panel.columns[figure.of]
    size = rolling(of, window, np.sum)
    if figure.kind == "count":
        value = rolling(over, window, np.sum)
    elif figure.kind == "level":
        value = rolling(over, window, _median)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = rolling(over, window, np.sum) / size
    return np.where(size > 0, value, np.nan), np.where(size > 0, size, np.nan)


def rolling(values: np.ndarray, window: int, fold: Callable[..., np.ndarray]) -> np.ndarray:
    """`fold` over the `window` values that end with each; NaN for the first ones, which are not that many."""
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
