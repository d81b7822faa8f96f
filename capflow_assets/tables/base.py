"""What a canonical table is: its columns, what each may hold, and what makes a row unique."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One pandera check by its name (`greater_than`, `isin`, ...) and arguments, and what to do when it fails."""

    check: str
    arguments: dict[str, Any]
    remedy: str


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
