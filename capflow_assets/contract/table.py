"""What a canonical table is: its columns, what each may hold, and what makes a row unique."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_MONEY = 100_000_000_000
"""More on one line or bill is a mistake, and would not fit into sums of whole cents."""


@dataclass(frozen=True)
class Rule:
    """One pandera check by its name (`greater_than`, `isin`, ...) and arguments, and what to do when it fails.

    `bearable` says that later layers can work with a row that breaks it, so that an analyst may accept such a row as it
    is. `allowed` is the share of rows that may break it before the table blocks; None: as the customer's bounds say.
    """

    check: str
    arguments: dict[str, Any]
    remedy: str
    bearable: bool = True
    allowed: float | None = None


@dataclass(frozen=True)
class Column:
    """One canonical column. `dtype` is an Ibis type; a nullable column may be left out of a customer's mapping."""

    name: str
    dtype: str
    description: str
    nullable: bool = True
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Table:
    """One canonical table, the same for every customer, whatever its source. `key` is unique when given."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        return {column.name: column for column in self.columns}[name]
