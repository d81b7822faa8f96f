"""The declaration of a canonical table: its columns, their rules and its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MOST_MONEY = 100_000_000_000
"""The largest amount of one line or bill: more is a mistake, and would overflow sums of whole cents."""


@dataclass(frozen=True)
class Rule:
    """One pandera check by name (`greater_than`, `isin`, ...) with its arguments, and the remedy when it fails.

    `bearable`: later layers can work with a row that breaks the rule, so an analyst may accept such a row as it is.
    `allowed`: the share of rows (0 to 1) that may break it before the table blocks; None takes the customer's bound.
    """

    check: str
    arguments: dict[str, Any]
    remedy: str
    bearable: bool = True
    allowed: float | None = None


@dataclass(frozen=True)
class Column:
    """One canonical column. `dtype` is an Ibis type; a customer's mapping may omit a nullable column."""

    name: str
    dtype: str
    description: str
    nullable: bool = True
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Table:
    """One canonical table, the same for every customer and source. `key`, where given, is unique."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """Return the column of that name; raises KeyError if there is none."""
        return {column.name: column for column in self.columns}[name]
