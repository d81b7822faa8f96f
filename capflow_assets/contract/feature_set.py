"""The contract of a feature set: its name, the tables it reads, its columns in words, and one Ibis expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

    from capflow_assets.contract.model import Needs

Build = Callable[[Mapping[str, "ibis.Table"], datetime], "ibis.Table"]


@dataclass(frozen=True)
class Feature:
    """One feature column. `phrase` describes a value to a merchandiser, e.g. "last visit {value:.0f} days ago"."""

    name: str
    dtype: str
    description: str
    phrase: str


@dataclass(frozen=True)
class ColumnDecision:
    """The features that a customer's own data supports, by name, and how they were chosen.

    `candidates` features were computed on `users_sampled` users; `left_out` counts those dropped, by reason.
    """

    names: tuple[str, ...]
    candidates: int
    users_sampled: int
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class FeatureSet:
    """Features as of a date, one row per user or per `key`: ("item_id",), ("user_id", "item_id"), ...

    `build(tables, as_of)` gets validated tables that hold rows before `as_of` only and returns one row per key: the
    columns of `key` and exactly `features`, in that order. A `historical` set is computed for every snapshot that
    training needs, any other for the newest date only.

    An optional table is there if the customer sends it; a feature that needs a missing one is null. `left_out(tables,
    as_of)` counts the rows that `build` leaves out: one row, a number per reason. A customer whose data is less than
    `needs` has neither this set nor a model that reads it. What a `sporadic` set counts does not happen every month
    (campaigns), so its recent absence is no data fault.

    If the columns depend on the customer, `decide(tables, as_of)` chooses them once and `with_columns(names)` returns
    the set with these columns; the set itself then has the columns that every customer's data supports.
    """

    name: str
    description: str
    tables: tuple[str, ...]
    features: tuple[Feature, ...]
    build: Build
    key: tuple[str, ...] = ("user_id",)
    historical: bool = True
    optional_tables: tuple[str, ...] = ()
    left_out: Build | None = None
    decide: Callable[[Mapping[str, ibis.Table], datetime], ColumnDecision] | None = None
    with_columns: Callable[[Sequence[str]], FeatureSet] | None = None
    needs: Needs | None = None
    sporadic: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Every table that it may read."""
        return (*self.tables, *self.optional_tables)
