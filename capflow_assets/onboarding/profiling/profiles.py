"""The profile of a source table: facts about the values of its columns, independent of their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class TimestampFormat:
    """How a column's timestamps are written.

    `pattern` is strptime's (None: ISO, or the source's own type). `parsed_share` is the share of values that it parses,
    `ordered_share` the share of rows that are not earlier than the row before. `proof` says why it is this pattern;
    `doubt` names the other reading that the data does not exclude.
    """

    pattern: str | None
    parsed_share: float
    has_clock: bool
    ordered_share: float
    proof: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class ProfiledColumn:
    """One column of a source. Shares are of the `filled` rows; `low` to `one` are set for numbers only.

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
    dates: TimestampFormat | None = None
    top: tuple[tuple[str, float], ...] = ()

    @property
    def nulls(self) -> float:
        """The share of rows without a value."""
        return 1 - self.filled / self.rows if self.rows else 1.0

    @property
    def rows_per_value(self) -> float:
        """The mean number of rows per distinct value."""
        return self.filled / self.distinct if self.distinct else 0.0

    @property
    def is_key(self) -> bool:
        """Whether every row has a value of its own."""
        return self.filled == self.rows == self.distinct > 1

    @property
    def is_id(self) -> bool:
        """Whether the values can be ids: no measures, timestamps, flags or sentences."""
        if self.kind == "number":
            return self.whole > 0.999 and not self.negative and self.distinct > 2
        return self.kind == "text" and self.length <= 48 and self.words <= 4 and self.distinct > 2 and self.paths < 0.5


@dataclass(frozen=True)
class ProfiledTable:
    """One table of a source. `total` is its number of rows, `rows` the number of those looked at.

    `dependencies[a][b]` is how far `a` determines `b`: two rows with the same `a` have the same `b`, above chance
    (0: by chance only, 1: always). `values` holds the distinct values of columns that may be ids, `numbers` the values
    of the first rows, and `sample` names the DuckDB table of the rows looked at.
    """

    source: str
    table: str | None
    columns: tuple[ProfiledColumn, ...]
    rows: int
    total: int
    dependencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    numbers: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    duplicates: int = 0
    sample: str = ""

    @property
    def name(self) -> str:
        """The name that a reader knows the table by."""
        return self.table or self.source

    def column(self, name: str) -> ProfiledColumn:
        """Return the column of that name; StopIteration when there is none."""
        return next(column for column in self.columns if column.name == name)

    def dependency(self, a: str, b: str) -> float:
        """Return how far `a` determines `b`: 0 no more than chance, 1 always."""
        return self.dependencies.get(a, {}).get(b, 0.0)
