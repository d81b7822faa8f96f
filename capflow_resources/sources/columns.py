"""From a source's own columns to canonical names: types stay, rows stay, only what is mapped is taken."""

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
    """Every column of the source that a table's mapping reads, each once."""
    mapped = (name for column in mapping.columns.values() for name in column.columns)
    watermark = [mapping.incremental.watermark] if mapping.incremental else []
    return tuple(dict.fromkeys([*mapped, *mapping.attributes, *watermark]))


def to_canonical(opened: ibis.Table, mapping: TableMapping) -> ibis.Table:
    """The mapped columns of `opened` under their canonical names, attributes as attribute_<name>, the watermark."""
    columns = {name: _column_expression(opened, column) for name, column in mapping.columns.items()}
    attributes = {attribute_column(name): opened[name] for name in mapping.attributes}
    watermark = {WATERMARK: opened[mapping.incremental.watermark]} if mapping.incremental else {}
    return opened.select(**columns, **attributes, **watermark)


def _column_expression(opened: ibis.Table, column: ColumnMapping) -> ibis.Value:
    import ibis

    if not column.columns:
        return ibis.literal(column.value)
    if len(column.columns) == 1:
        return opened[column.columns[0]]
    parts = [opened[name].cast("string").strip().nullif("") for name in column.columns]
    return ibis.literal(PATH_SEPARATOR).join(parts).nullif("")  # leaves out the parts that are null
