"""What a feature set is: a name, the tables it reads, its columns in words, and one Ibis expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis

    from capflow_assets.contract.model import Needs

Build = Callable[[Mapping[str, "ibis.Table"], datetime], "ibis.Table"]


@dataclass(frozen=True)
class Feature:
    """One feature column. `phrase` tells it to a shopper's account manager, e.g. "last visit {value:.0f} days ago"."""

    name: str
    dtype: str
    description: str
    phrase: str


@dataclass(frozen=True)
class ColumnDecision:
    """Which features a customer's own data supports, by name, and JSON-ready facts on how that was found."""

    names: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class FeatureSet:
    """Features of every user as of a date, or of what `key` names: ("item_id",), ("user_id", "item_id"), ...

    `build(tables, as_of)` takes validated tables that hold rows before `as_of` only and returns one row a key: the
    columns of `key` and exactly `features`, in that order. With `past` it is computed for every snapshot that
    training needs, else for the newest date only.

    Of `optional_tables` those are there that the customer sends; what needs one that is not there is null. What `build`
    leaves out is counted by `left_out(tables, as_of)`: one row, a number for each reason. A customer whose data is less
    than `needs` has neither this set nor a model that reads it. What a `sporadic` set counts need not happen every
    month (campaigns): that there was nothing of it lately is no fault of the data.

    Where the columns are the customer's own, `decide(tables, as_of)` chooses them once and `decided(names)` is the set
    that has them; the set itself then has those that every customer's data gives.
    """

    name: str
    description: str
    tables: tuple[str, ...]
    features: tuple[Feature, ...]
    build: Build
    key: tuple[str, ...] = ("user_id",)
    past: bool = True
    optional_tables: tuple[str, ...] = ()
    left_out: Build | None = None
    decide: Callable[[Mapping[str, ibis.Table], datetime], ColumnDecision] | None = None
    decided: Callable[[Sequence[str]], FeatureSet] | None = None
    needs: Needs | None = None
    sporadic: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Every table that it may read."""
        return (*self.tables, *self.optional_tables)
