"""A daily figure with the range in which each day was expected, ready to be plotted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """One figure of a customer by day, oldest first and without gaps from `first_day` (ISO date).

    `values` has None for a day without the figure; `low` and `high` have None for a day without an expectation.
    """

    name: str
    title: str
    unit: str
    first_day: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
