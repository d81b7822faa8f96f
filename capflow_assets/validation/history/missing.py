"""Stores, channels and days that should have bills and have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.validation.history.bands import LAGS, LEAST_LAGS, Band, later, median
from capflow_assets.validation.history.figures import Figure
from capflow_assets.validation.history.shapes import rolling

if TYPE_CHECKING:
    import numpy as np

    from capflow_assets.validation.history.daily import Panel

SURE = 15.0
"""So many bills must be usual for none at all to say something: by chance that happens once in three million times."""


def missing(panel: Panel, figure: Figure, window: int, since: int = 0) -> Band | None:
    """The band of a figure of MISSING; None for a customer who names no stores (channels)."""
    import numpy as np

    if not figure.over:
        return _band(figure, window, _days(panel, since))
    places = list(panel.places[figure.over].values())
    if not places:
        return None
    usual, gone = zip(*(_place(panel, bills, window, since) for bills in places), strict=True)
    total = np.sum(usual, axis=0)
    with np.errstate(invalid="ignore"):
        share = np.sum(np.where(gone, usual, 0), axis=0) / np.where(total > 0, total, np.nan)
    closed = rolling(panel.columns["bills"], window, np.sum) == 0  # the whole retailer: that is a missing day
    return _band(figure, window, np.where(closed, np.nan, share))


def gone(panel: Panel, figure: Figure, window: int, day: int, since: int = 0) -> list[tuple[str, float]]:
    """The places that are missing on a day, and how many bills they usually have, the largest first."""
    found = []
    for name, bills in panel.places[figure.over].items():
        usual, missed = _place(panel, bills, window, since)
        if missed[day]:
            found.append((name, float(usual[day])))
    return sorted(found, key=lambda place: (-place[1], place[0]))


def _place(panel: Panel, bills: np.ndarray, window: int, since: int) -> tuple[np.ndarray, np.ndarray]:
    """The bills that a place usually has on such days, and where it has none though it should."""
    import numpy as np

    usual = rolling(_usual(panel, bills, since), window, np.nansum)
    return np.nan_to_num(usual), (usual >= SURE) & (rolling(bills, window, np.sum) == 0)


def _days(panel: Panel, since: int) -> np.ndarray:
    """How many of the last seven days have no bill, though their weekday has."""
    import numpy as np

    bills = panel.columns["bills"]
    usual = np.nan_to_num(_usual(panel, bills, since, closed=0.0))
    count = rolling(((usual >= SURE) & (bills == 0)).astype(float), 7, np.sum)
    known = np.arange(len(bills)) >= since + LEAST_LAGS[1] * 7 + 6
    return np.where(known, count, np.nan)


def _usual(panel: Panel, bills: np.ndarray, since: int, closed: float | None = None) -> np.ndarray:
    """The median of the same weekday over eight weeks; days on which the whole retailer was closed do not count."""
    import numpy as np

    seen = np.where(np.arange(len(bills)) < since, np.nan, bills)
    open_days = np.where(panel.columns["bills"] > 0, seen, np.nan if closed is None else closed + 0 * seen)
    return median(np.array([later(open_days, lag) for lag in LAGS[1]]), LEAST_LAGS[1])


def _band(figure: Figure, window: int, value: np.ndarray) -> Band:
    import numpy as np

    none = np.zeros(len(value))
    warn, block = (np.full(len(value), np.inf if most is None else most) for _, most in (figure.warn, figure.block))
    return Band(figure, window, value, (none, none), none, (none - np.inf, warn), (none - np.inf, block))
