"""When two engines' rows are equal: all exactly but doubles, which may differ by 1e-12 of themselves."""

from __future__ import annotations

import math
from typing import Any

import ibis
import pyarrow as pa

TOLERANCE = 1e-12


def rows(expr: ibis.Table) -> pa.Table:
    """The rows of an expression as its engine gives them."""
    return expr.get_backend().to_pyarrow(expr)


def assert_equal_rows(found: pa.Table, expected: pa.Table) -> None:
    """The same columns, types and rows, in any order."""
    assert _types(found) == _types(expected)
    ours, theirs = (sorted(table.to_pylist(), key=_order) for table in (found, expected))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        for name in one:
            assert equal(one[name], other[name]), f"{name}: {one[name]!r} is not {other[name]!r}, in {one} / {other}"


def _types(table: pa.Table) -> dict[str, str]:
    """By Ibis's names: Arrow tells lists apart by what they call their elements."""
    return {name: str(kind.copy(nullable=True)) for name, kind in ibis.Schema.from_pyarrow(table.schema).items()}


def _order(row: dict[str, Any]) -> tuple[str, ...]:
    exact = [str(value) for value in row.values() if not isinstance(value, float)]
    return (*exact, *(f"{value:.6g}" for value in row.values() if isinstance(value, float)))


def equal(one: Any, other: Any) -> bool:
    """Whether two values are."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE) or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and one == other
