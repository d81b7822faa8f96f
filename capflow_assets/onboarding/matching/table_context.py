"""A table within its source: how its columns depend on each other and refer to other tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from capflow_assets.onboarding.matching.name_scores import is_clear_name
from capflow_assets.onboarding.profiling.column_relations import Product, find_products
from capflow_assets.onboarding.profiling.profiles import ProfiledColumn, ProfiledTable

STRONG = 0.8  # a dependency that is no accident


@dataclass(frozen=True)
class TableContext:
    """A table, and what the rest of the source says about its columns.

    `references` holds for a column the other tables whose key has most of its values; `known_ids` the ids in the sales,
    once these are found: canonical column -> values.
    """

    table: ProfiledTable
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known_ids: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def timestamps(self) -> list[ProfiledColumn]:
        """The timestamp columns that vary."""
        return [c for c in self.table.columns if c.kind == "time" and c.distinct > 1]

    @cached_property
    def bill_columns(self) -> dict[str, float]:
        """The columns that may number bills -> how far their values determine a timestamp."""
        ids = [c for c in self.table.columns if c.is_id and c.name in self.table.dependencies]
        single = {
            c.name: max((self.table.dependency(c.name, t.name) for t in self.timestamps), default=0.0) for c in ids
        }
        return {name: share for name, share in single.items() if share > STRONG}

    def dependency_on_bill(self, column: ProfiledColumn) -> float | None:
        """Return how far a bill determines `column`; None when no column numbers bills."""
        shares = [self.table.dependency(bill, column.name) for bill in self.bill_columns if bill != column.name]
        return max(shares) if shares else None

    @cached_property
    def products(self) -> list[Product]:
        """Which columns multiply to which."""
        return find_products(self.table.numbers)

    @cached_property
    def quantities(self) -> list[str]:
        """The columns that may be quantities, by their names or by a product."""
        named = [c.name for c in self.table.columns if c.kind == "number" and is_clear_name("quantity", c.name)]
        return named or [product.quantity for product in self.products[:1]] or self._small_counts[:1]

    @cached_property
    def _small_counts(self) -> list[str]:
        """Small whole numbers that vary within a bill or timestamp, those with most ones first."""
        small = [
            c
            for c in self.table.columns
            if c.kind == "number" and c.whole > 0.95 and 0 < (c.median or 0) <= 10 and c.one > 0.05
        ]
        free = [
            c for c in small if (self.dependency_on_bill(c) or 0) < STRONG and not self.dependency_on_time(c) > STRONG
        ]
        return [c.name for c in sorted(free, key=lambda c: -c.one)]

    def dependency_on_time(self, column: ProfiledColumn) -> float:
        """Return how far a timestamp determines `column`."""
        return max((self.table.dependency(t.name, column.name) for t in self.timestamps), default=0.0)

    def strongest_dependency(
        self, column: ProfiledColumn, other: Callable[[ProfiledColumn], bool]
    ) -> tuple[float, str]:
        """Return how far `column` determines one of the columns that `other` accepts, and which one best."""
        dependencies = [(self.table.dependency(column.name, c.name), c.name) for c in self.table.columns if other(c)]
        return max(dependencies, default=(0.0, ""))
