"""What is known of a source's columns from looking at their values: plain facts, without names' meanings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Dates:
    """How a column's moments are written.

    `pattern` is strptime's (None: ISO, or the source's own type). `rate` is the share of values that it reads.
    `proof` says why it is this one; `doubt` names the other reading that the data do not exclude.
    """

    pattern: str | None
    rate: float
    clock: bool
    rises: float
    proof: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a source: shares are of the `filled` rows; `low`, `high` and what follows only of numbers.

    `kind` is number, time, flag, text, blob, nested or empty. Texts that hold numbers are numbers.
    """

    name: str
    dtype: str
    kind: str
    rows: int
    filled: int
    distinct: int
    low: float | None = None
    high: float | None = None
    median: float | None = None
    whole: float = 0.0
    negative: float = 0.0
    zero: float = 0.0
    one: float = 0.0
    words: float = 0.0
    length: float = 0.0
    paths: float = 0.0
    is_text: bool = False
    dates: Dates | None = None
    top: tuple[tuple[str, float], ...] = ()

    @property
    def nulls(self) -> float:
        """The share of rows without a value."""
        return 1 - self.filled / self.rows if self.rows else 1.0

    @property
    def per_value(self) -> float:
        """How many rows a value has on average."""
        return self.filled / self.distinct if self.distinct else 0.0

    @property
    def is_key(self) -> bool:
        """Whether every row has a value, and each its own."""
        return self.filled == self.rows == self.distinct > 1

    @property
    def is_id(self) -> bool:
        """Whether the values can be numbers or codes of things: no measures, moments, flags or sentences."""
        if self.kind == "number":
            return self.whole > 0.999 and not self.negative and self.distinct > 2
        return self.kind == "text" and self.length <= 48 and self.words <= 4 and self.distinct > 2 and self.paths < 0.5

    @property
    def is_measure(self) -> bool:
        """Whether the values are numbers that may be counted or added."""
        return self.kind == "number"


@dataclass(frozen=True)
class Table:
    """One table of a source, by a bounded look at it: `total` rows in all, `rows` of them looked at.

    `agree[a][b]`: two rows with the same `a` have the same `b`, above chance (0: by chance only, 1: always).
    `values` holds the distinct values of columns that may be ids, `numbers` the values of the first rows, and `sample`
    names the DuckDB table of the rows looked at.
    """

    source: str
    table: str | None
    columns: tuple[Column, ...]
    rows: int
    total: int
    agree: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    numbers: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    duplicates: int = 0
    sample: str = ""

    @property
    def name(self) -> str:
        """The name that a reader knows it by."""
        return self.table or self.source

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        return next(column for column in self.columns if column.name == name)

    def agrees(self, a: str, b: str) -> float:
        """How far `a` determines `b`: 0 no more than chance, 1 always."""
        return self.agree.get(a, {}).get(b, 0.0)
