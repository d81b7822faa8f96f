"""What a feature set is: a name, the tables it reads, its columns in words, and one Ibis expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

Build = Callable[[Mapping[str, "ibis.Table"], datetime], "ibis.Table"]


@dataclass(frozen=True)
class Feature:
    """One feature column. `phrase` tells it to a shopper's account manager, e.g. "last visit {value:.0f} days ago"."""

    name: str
    dtype: str
    description: str
    phrase: str


@dataclass(frozen=True)
class FeatureSet:
    """Features of every user as of a date.

    `build(tables, as_of)` takes validated tables that hold rows before `as_of` only and returns one row
    a user: `user_id` and exactly `features`, in that order.
    """

    name: str
    description: str
    tables: tuple[str, ...]
    features: tuple[Feature, ...]
    build: Build
