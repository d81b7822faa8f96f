"""The pandera schema of a canonical table, built from its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.table import Column, Rule, Table
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import ibis
    from pandera.api.checks import Check
    from pandera.ibis import DataFrameSchema

ROW_CHECKS = (
    "equal_to",
    "greater_than",
    "greater_than_or_equal_to",
    "in_range",
    "isin",
    "less_than",
    "less_than_or_equal_to",
    "not_equal_to",
    "notin",
    "str_contains",
    "str_endswith",
    "str_length",
    "str_matches",
    "str_startswith",
)
"""pandera's checks that apply to one row at a time; the others (`unique_values_eq`) cannot set single rows aside."""


def pandera_schema(table: Table) -> DataFrameSchema:
    """Build the pandera schema of a table: types, nullability, and checks that carry their remedy as description.

    Execute it with `row_checks`, not with `schema.validate`: pandera's own execution on Ibis counts nulls and
    duplicates wrongly and pulls whole columns to the client (notes/stack.md). Raises ValueError for a rule that pandera
    lacks.
    """
    import ibis
    import pandera.backends.ibis.builtin_checks  # noqa: F401  (registers the checks' Ibis versions)
    import pandera.ibis as pa

    return pa.DataFrameSchema(
        {
            column.name: pa.Column(
                ibis.dtype(column.dtype),
                checks=[_pandera_check(table, column, rule) for rule in column.rules],
                nullable=column.nullable,
            )
            for column in table.columns
        },
        name=table.name,
        description=table.description,
        strict=False,
    )


def row_checks(
    schema: DataFrameSchema, rows: ibis.Table, columns: set[str]
) -> Iterator[tuple[str, Check, ibis.ir.BooleanColumn]]:
    """Yield (column, check, expression) for each rule of `columns`; it is true where a row passes, as null does."""
    from pandera.api.ibis.types import IbisData

    for name, column in schema.columns.items():
        for check in column.checks if name in columns else ():
            output = check._check_fn(IbisData(rows, name), **check._check_kwargs)
            yield name, check, _extract_expression(output, name).fill_null(True)


def _extract_expression(output: ibis.Table, column: str) -> Any:
    # A check returns `rows.select(<boolean> as column)`. Extracting the boolean from that projection lets all checks
    # share one aggregate over `rows`; one query per check would read the table once per rule.
    return output.op().values[column].to_expr()


def _pandera_check(table: Table, column: Column, rule: Rule) -> Check:
    from pandera.api.checks import Check

    place = f"tables.{table.name}.{column.name}"
    if rule.check not in ROW_CHECKS:
        raise ValueError(f"{place}: pandera has no row check '{rule.check}'{did_you_mean(rule.check, ROW_CHECKS)}")
    try:
        return getattr(Check, rule.check)(**rule.arguments, description=rule.remedy)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: the check '{rule.check}' refuses {rule.arguments}: {error}") from error
