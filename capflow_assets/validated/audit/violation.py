"""The shape in which audits and KPIs report bad rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Violation:
    """One rule that rows of one table broke.

    `rows` rows violate it, a `share` of 0 to 1; a share above `bound` blocks. `sample` holds a few of them verbatim,
    JSON-ready and unescaped. `rows_at` is the lake table with all of them ("quarantine/line_items",
    "offending/price_outlier_share"), "" where no single rows are to blame. `message` and `remedy` are sentences.
    """

    check: str
    table: str
    column: str
    rows: int
    share: float
    bound: float
    blocks: bool
    message: str
    remedy: str
    sample: tuple[Mapping[str, Any], ...] = ()
    rows_at: str = ""
