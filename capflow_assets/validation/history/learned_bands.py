"""The bands of all daily figures of one customer, learned from its own history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from capflow_assets.validation.history.bands import Band, compute_band
from capflow_assets.validation.history.figures import EVERY, FIGURES, MISSING, PREFIX, Figure
from capflow_assets.validation.history.missing import compute_missing_band

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily_panel import DailyPanel
    from partitions.customer import Expected


@dataclass(frozen=True)
class LearnedBands:
    """All bands of one customer, one entry per day each, so that any day can be judged as if it were the last."""

    panel: DailyPanel
    bands: Mapping[str, tuple[Band, ...]]
    since: Mapping[str, int]

    @cached_property
    def incomplete(self) -> np.ndarray:
        """Days whose data end early; where they begin early too, the clock is wrong and the day is complete."""
        ends, begins = (self.bands[PREFIX + name][0] for name in ("last_hour", "first_hour"))
        found: np.ndarray = ends.warns & ~begins.warns
        return found

    def day_for(self, figure: Figure, day: int) -> int:
        """Return the day to judge a figure on: `day`, or the day before if `day` is incomplete and that matters."""
        return day - 1 if figure.whole_day and self.incomplete[day] else day

    def alarms(self, name: str, severe: bool) -> np.ndarray:
        """Return on which days a figure warns, or with `severe` blocks."""
        import numpy as np

        found = np.any([one.blocks if severe else one.warns for one in self.bands[name]], axis=0)
        if not self.bands[name][0].figure.whole_day:
            return found
        return np.where(self.incomplete, np.concatenate([found[:1], found[:-1]]), found)


def learn_bands(panel: DailyPanel, expected: Sequence[Expected] = ()) -> LearnedBands:
    """Compute the bands of every figure; an `expected` entry of the customer file restarts a figure's history."""
    since = {name: _history_start(panel, name, expected) for name in EVERY}
    bands: dict[str, tuple[Band, ...]] = {}
    for name, figure in FIGURES.items():
        bands[name] = tuple(compute_band(panel, figure, window, since[name]) for window in figure.windows)
    for name, figure in MISSING.items():
        found = [compute_missing_band(panel, figure, window, since[name]) for window in figure.windows]
        if known := tuple(one for one in found if one is not None):
            bands[name] = known
    return LearnedBands(panel, bands, since)


def _history_start(panel: DailyPanel, name: str, expected: Sequence[Expected]) -> int:
    """Return the day of the panel on which a figure's history starts."""
    days = [
        (one.since - panel.first_day).days
        for one in expected
        if not one.figures or name in one.figures or name.removeprefix(PREFIX) in one.figures
    ]
    return max([day for day in days if 0 <= day < panel.days], default=0)
