"""A table beside the rest of its source: what its columns say of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from capflow_assets.onboarding.facts import Column, Table
from capflow_assets.onboarding.names import clear_fit
from capflow_assets.onboarding.relations import Product, products

STRONG = 0.8  # so surely one column decides another that it is no accident


@dataclass(frozen=True)
class Context:
    """A table, and what the rest of the source says of its columns.

    `refers` holds for a column the other tables whose key has most of its values; `known` the ids that the lines of
    sales use, once these are known: canonical column -> values.
    """

    table: Table
    refers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def moments(self) -> list[Column]:
        """The columns that hold moments and vary."""
        return [c for c in self.table.columns if c.kind == "time" and c.distinct > 1]

    @cached_property
    def bills(self) -> dict[str, float]:
        """The columns that may number bills: how surely all rows of one value have one moment."""
        ids = [c for c in self.table.columns if c.is_id and c.name in self.table.agree]
        single = {c.name: max((self.table.agrees(c.name, t.name) for t in self.moments), default=0.0) for c in ids}
        return {name: share for name, share in single.items() if share > STRONG}

    def bill_of(self, column: Column) -> float | None:
        """How surely one bill has one value of `column`; None when no column numbers bills."""
        shares = [self.table.agrees(bill, column.name) for bill in self.bills if bill != column.name]
        return max(shares) if shares else None

    @cached_property
    def products(self) -> list[Product]:
        """Which columns multiply to which."""
        return products(self.table.numbers)

    @cached_property
    def quantities(self) -> list[str]:
        """The columns that may count pieces, by their names or by a product."""
        named = [c.name for c in self.table.columns if c.kind == "number" and clear_fit("quantity", c.name)]
        return named or [product.quantity for product in self.products[:1]] or self._countable[:1]

    @cached_property
    def _countable(self) -> list[str]:
        """Small whole numbers that vary within a bill or a moment, those with the smallest first."""
        small = [
            c
            for c in self.table.columns
            if c.kind == "number" and c.whole > 0.95 and 0 < (c.median or 0) <= 10 and c.one > 0.05
        ]
        free = [c for c in small if (self.bill_of(c) or 0) < STRONG and not self.of_moment(c) > STRONG]
        return [c.name for c in sorted(free, key=lambda c: -c.one)]

    def of_moment(self, column: Column) -> float:
        """How surely one moment has one value of `column`."""
        return max((self.table.agrees(t.name, column.name) for t in self.moments), default=0.0)

    def determines(self, column: Column, other: Callable[[Column], bool]) -> tuple[float, str]:
        """How surely `column` determines one of the columns that `other` accepts, and which one best."""
        found = [(self.table.agrees(column.name, c.name), c.name) for c in self.table.columns if other(c)]
        return max(found, default=(0.0, ""))
