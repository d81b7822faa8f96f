"""Stores, channels and days that should have bills and have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validation.history.bands import LAGS, LEAST_LAGS, Band, median, shift_days
from capflow_assets.validation.history.figures import Figure
from capflow_assets.validation.history.scales import roll

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily_panel import DailyPanel

SURE = 15.0
"""The usual number of bills from which on none at all is a sign: by chance that happens once in three million times."""


def compute_missing_band(panel: DailyPanel, figure: Figure, window: int, since: int = 0) -> Band | None:
    """Compute the band of a figure of MISSING; None for a customer without stores (channels)."""
    import numpy as np

    if not figure.over:
        return _to_band(figure, window, _count_missing_days(panel, since))
    places = list(panel.places[figure.over].values())
    if not places:
        return None
    usual, gone = zip(*(_usual_and_missing(panel, bills, window, since) for bills in places), strict=True)
    total = np.sum(usual, axis=0)
    with np.errstate(invalid="ignore"):
        share = np.sum(np.where(gone, usual, 0), axis=0) / np.where(total > 0, total, np.nan)
    closed = roll(panel.columns["bills"], window, np.sum) == 0  # the whole retailer: that is a missing day
    return _to_band(figure, window, np.where(closed, np.nan, share))


def list_missing_places(
    panel: DailyPanel, figure: Figure, window: int, day: int, since: int = 0
) -> list[tuple[str, float]]:
    """List the places that are missing on a day with their usual number of bills, the largest first."""
    found = []
    for name, bills in panel.places[figure.over].items():
        usual, missed = _usual_and_missing(panel, bills, window, since)
        if missed[day]:
            found.append((name, float(usual[day])))
    return sorted(found, key=lambda place: (-place[1], place[0]))


def _usual_and_missing(panel: DailyPanel, bills: np.ndarray, window: int, since: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the usual bills of a place by day, and the days on which it has none although it should."""
    import numpy as np

    usual = roll(_usual_bills(panel, bills, since), window, np.nansum)
    return np.nan_to_num(usual), (usual >= SURE) & (roll(bills, window, np.sum) == 0)


def _count_missing_days(panel: DailyPanel, since: int) -> np.ndarray:
    """Count the days of the last seven that have no bill although their weekday usually has."""
    import numpy as np

    bills = panel.columns["bills"]
    usual = np.nan_to_num(_usual_bills(panel, bills, since, closed=0.0))
    count = roll(((usual >= SURE) & (bills == 0)).astype(float), 7, np.sum)
    known = np.arange(len(bills)) >= since + LEAST_LAGS[1] * 7 + 6
    return np.where(known, count, np.nan)


def _usual_bills(panel: DailyPanel, bills: np.ndarray, since: int, closed: float | None = None) -> np.ndarray:
    """Return the median of the same weekday over eight weeks, without days on which the whole retailer was closed."""
    import numpy as np

    seen = np.where(np.arange(len(bills)) < since, np.nan, bills)
    open_days = np.where(panel.columns["bills"] > 0, seen, np.nan if closed is None else closed + 0 * seen)
    return median(np.array([shift_days(open_days, lag) for lag in LAGS[1]]), LEAST_LAGS[1])


def _to_band(figure: Figure, window: int, value: np.ndarray) -> Band:
    import numpy as np

    none = np.zeros(len(value))
    warn, block = (np.full(len(value), np.inf if most is None else most) for _, most in (figure.warn, figure.block))
    return Band(figure, window, value, (none, none), none, (none - np.inf, warn), (none - np.inf, block))
