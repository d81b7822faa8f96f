"""The rules of a table's declaration as expressions that can share one query: on its shape and on each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.table import Column, Table
from capflow_assets.validated.audit.schema import pandera_schema, row_checks

if TYPE_CHECKING:
    import ibis


@dataclass(frozen=True)
class ShapeFault:
    """A declared column that is missing or of another type."""

    check: str
    column: str
    message: str
    remedy: str


@dataclass(frozen=True)
class RowRule:
    """One rule of one column: `broken` is true for the rows that break it, `text` says which rule, `remedy` what to do.

    `bearable` and `allowed` are those of contract.table.Rule: rows without a key, time or number are not bearable.
    """

    check: str
    column: str
    broken: ibis.ir.BooleanColumn
    text: str
    remedy: str
    bearable: bool = False
    allowed: float | None = None


def shape_faults(rows: ibis.Table, table: Table) -> tuple[ShapeFault, ...]:
    """Return the declared columns that `rows` lacks or holds in another type; additional columns are allowed."""
    return tuple(fault for column in table.columns if (fault := _shape_fault(rows, table, column)))


def row_rules(rows: ibis.Table, table: Table, mapped: set[str] | None) -> tuple[RowRule, ...]:
    """Return all row rules of a table: not null, finite, and the pandera checks of its declaration.

    Columns with a shape fault are skipped. Not null applies only to columns in `mapped` (None: every column).
    """
    sound = {column.name for column in table.columns} - {fault.column for fault in shape_faults(rows, table)}
    rules = [
        rule
        for column in table.columns
        if column.name in sound
        for rule in _built_in_rules(rows, table, column, mapped is None or column.name in mapped)
    ]
    declared = {(column.name, rule.check): rule for column in table.columns for rule in column.rules}
    for name, check, kept in row_checks(pandera_schema(table), rows, sound):
        rule = declared[name, str(check.name)]
        text = f"{name} breaks {check.error or rule.check}"
        rules.append(RowRule(rule.check, name, ~kept, text, rule.remedy, rule.bearable, rule.allowed))
    return tuple(rules)


def _built_in_rules(rows: ibis.Table, table: Table, column: Column, mapped: bool) -> list[RowRule]:
    value, place = rows[column.name], f"tables.{table.name}.columns.{column.name}"
    rules = []
    if mapped and not column.nullable:
        remedy = f"Fill it at the source, or map another column to it in the customer's file ({place})."
        rules.append(RowRule("not_null", column.name, value.isnull(), f"{column.name} is empty", remedy))
    if value.type().is_floating():  # one NaN makes every later sum NaN
        odd = (value.isnan() | value.isinf()).fill_null(False)
        remedy = f"Correct the number at the source, or send it empty ({place})."
        rules.append(RowRule("finite", column.name, odd, f"{column.name} is not a finite number", remedy))
    return rules


def _shape_fault(rows: ibis.Table, table: Table, column: Column) -> ShapeFault | None:
    import ibis

    name, place = f"{table.name}.{column.name}", f"tables.{table.name}.columns.{column.name}"
    if column.name not in rows.columns:
        return ShapeFault(
            "column_exists", column.name, f"{name} is missing.", f"Map it in the customer's file ({place})."
        )
    expected, found = ibis.dtype(column.dtype), rows[column.name].type()
    if _same_type(found, expected):
        return None
    remedy = f"Say how to read it in the customer's file ({place})."
    return ShapeFault("column_type", column.name, f"{name} holds {found}, not {expected}.", remedy)


def _same_type(found: Any, expected: Any) -> bool:
    if found.is_timestamp() and expected.is_timestamp():  # microseconds or nanoseconds, but the same clock
        return bool(found.timezone == expected.timezone)
    return bool(found.copy(nullable=True) == expected.copy(nullable=True))
