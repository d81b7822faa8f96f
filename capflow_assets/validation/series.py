"""A figure by day beside the range in which each day was expected: what a learned bound rests on, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """One figure of a customer by day, oldest first and without gaps from `first_day` (ISO date).

    `values` has None for a day without the figure; `low` and `high` have None for a day that nothing was expected of.
    """

    name: str
    title: str
    unit: str
    first_day: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
