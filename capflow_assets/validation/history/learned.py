"""Every figure of a customer's days beside the range that its own history leads to expect, and what lies outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from capflow_assets.validation.history.bands import Band, band
from capflow_assets.validation.history.figures import EVERY, FIGURES, MISSING, PREFIX, Figure
from capflow_assets.validation.history.missing import missing

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily import Panel
    from partitions.customer import Expected


@dataclass(frozen=True)
class Look:
    """All bands of one customer, each an entry a day, so that any day can be judged as if it were the last."""

    panel: Panel
    bands: Mapping[str, tuple[Band, ...]]
    since: Mapping[str, int]

    @cached_property
    def incomplete(self) -> np.ndarray:
        """Days whose data ends early; where it begins early too the clock is wrong, and the day is whole."""
        ends, begins = (self.bands[PREFIX + name][0] for name in ("last_hour", "first_hour"))
        found: np.ndarray = ends.warns & ~begins.warns
        return found

    def day_for(self, figure: Figure, day: int) -> int:
        """The day to judge a figure on: the day before where the data of `day` ends early and that would matter."""
        return day - 1 if figure.whole_day and self.incomplete[day] else day

    def alarms(self, name: str, severe: bool) -> np.ndarray:
        """On which days a figure warns, or when `severe` blocks."""
        import numpy as np

        found = np.any([one.blocks if severe else one.warns for one in self.bands[name]], axis=0)
        if not self.bands[name][0].figure.whole_day:
            return found
        return np.where(self.incomplete, np.concatenate([found[:1], found[:-1]]), found)


def look(panel: Panel, expected: Sequence[Expected] = ()) -> Look:
    """The bands of every figure; what the customer's file calls expected starts a figure's history anew."""
    since = {name: _since(panel, name, expected) for name in EVERY}
    bands: dict[str, tuple[Band, ...]] = {}
    for name, figure in FIGURES.items():
        bands[name] = tuple(band(panel, figure, window, since[name]) for window in figure.windows)
    for name, figure in MISSING.items():
        found = [missing(panel, figure, window, since[name]) for window in figure.windows]
        if known := tuple(one for one in found if one is not None):
            bands[name] = known
    return Look(panel, bands, since)


def _since(panel: Panel, name: str, expected: Sequence[Expected]) -> int:
    """The day of the panel from which on a figure's history counts."""
    days = [
        (one.since - panel.first_day).days
        for one in expected
        if not one.figures or name in one.figures or name.removeprefix(PREFIX) in one.figures
    ]
    return max([day for day in days if 0 <= day < panel.days], default=0)
