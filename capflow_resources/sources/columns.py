"""Selecting the mapped columns of a source under canonical names; types and rows stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from partitions.canonical import attribute_column
from partitions.customer import ColumnMapping, TableMapping

if TYPE_CHECKING:
    import ibis

PATH_SEPARATOR = " > "
WATERMARK = "watermark_"
"""The raw table's own column for the watermark that a table is read by."""


def source_columns(mapping: TableMapping) -> tuple[str, ...]:
    """Return every column of the source that a table's mapping reads, each once."""
    mapped = (name for column in mapping.columns.values() for name in column.columns)
    watermark = [mapping.incremental.watermark] if mapping.incremental else []
    return tuple(dict.fromkeys([*mapped, *mapping.attributes, *watermark]))


def to_canonical(rows: ibis.Table, mapping: TableMapping) -> ibis.Table:
    """Select the mapped columns of `rows` under canonical names, attributes as attribute_<name>, and the watermark."""
    columns = {name: _column_expression(rows, column) for name, column in mapping.columns.items()}
    attributes = {attribute_column(name): rows[name] for name in mapping.attributes}
    watermark = {WATERMARK: rows[mapping.incremental.watermark]} if mapping.incremental else {}
    return rows.select(**columns, **attributes, **watermark)


def _column_expression(rows: ibis.Table, column: ColumnMapping) -> ibis.Value:
    import ibis

    if not column.columns:
        return ibis.literal(column.value)
    if len(column.columns) == 1:
        return rows[column.columns[0]]
    parts = [rows[name].cast("string").strip().nullif("") for name in column.columns]
    return ibis.literal(PATH_SEPARATOR).join(parts).nullif("")  # leaves out the parts that are null
