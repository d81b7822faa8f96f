"""What broke a rule and where all of it lies: the shape in which audits and KPIs tell a report of bad rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Offence:
    """One rule that rows of one table broke.

    `rows` of the table's rows offend, a `share` of 0 to 1; more than `bound` blocks. `sample` are a few of them as
    they are, JSON-ready and unescaped. `rows_at` names the lake's table that holds them all ("quarantine/line_items",
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
