"""From a raw to a canonical table: typed columns, and rows dropped only where the customer asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis


@dataclass(frozen=True)
class Dropped:
    """The rows of a raw table that are `kept`, and the number of dropped `rows` by `reason`, one row per reason."""

    kept: ibis.Table
    reasons: ibis.Table

    def counts(self) -> dict[str, int]:
        """Count the dropped rows by reason ("drop_items: POST"); reads the raw table."""
        return {row["reason"]: int(row["rows"]) for row in self.reasons.order_by("reason").to_pyarrow().to_pylist()}


def canonical_columns(raw: ibis.Table, table: Table, mapping: TableMapping, timezone: str) -> dict[str, ibis.Value]:
    """Return each column of `table` in its canonical type, computed from `raw`; unmapped ones are null."""
    return {column.name: _canonical_column(raw, column, mapping, timezone) for column in table.columns}


def one_row_per_key(rows: ibis.Table, table: Table, mapping: TableMapping) -> ibis.Table:
    """Deduplicate by key where the mapping says `distinct: true`; otherwise return `rows` unchanged.

    Keeps the row with most columns filled, then the most frequent one. Rows without a key are dropped: they describe
    nobody. Without `distinct`, the audit reports a key that occurs twice.
    """
    if not mapping.options.get("distinct") or not table.key:
        return rows
    import ibis

    names = list(rows.columns)
    keyed = rows.filter([rows[name].notnull() for name in table.key])
    counted = keyed.group_by(names).aggregate(copies_=keyed.count())
    counted = counted.mutate(filled_=sum((counted[name].notnull().cast("int64") for name in names), ibis.literal(0)))
    best_first = [counted["filled_"].desc(), counted["copies_"].desc()]
    best_first += [counted[name].asc(nulls_first=True) for name in names]
    ranked = counted.mutate(rank_=ibis.row_number().over(group_by=list(table.key), order_by=best_first))
    return ranked.filter(ranked["rank_"] == 0).select(names)


def drop_rows(raw: ibis.Table, mapping: TableMapping) -> Dropped:
    """Drop items that are no goods (postage, fees) and exact duplicates of rows, where the customer asks for it.

    `drop_items` are compared with item_id ignoring case and surrounding blanks. `drop_duplicates` keeps one of several
    rows that agree in every raw column. Works on raw rows: cleaning would make duplicates differ (derived bill_id).
    """
    import ibis

    kept, reasons = raw, []
    if mapping.drop_items and "item_id" in raw.columns:
        from capflow_assets.validated.cleaning.values import text

        item = text(raw["item_id"]).lower()
        listed = item.isin([name.strip().lower() for name in mapping.drop_items]).fill_null(False)
        reason = ibis.literal("drop_items: ") + item.upper()
        out = raw.filter(listed).select(reason=reason)
        reasons.append(out.group_by("reason").aggregate(rows=out.count()))
        kept = raw.filter(~listed)
    if mapping.drop_duplicates:
        groups = kept.group_by(kept.columns).aggregate(copies_=kept.count())
        surplus = groups.filter(groups["copies_"] > 1)
        surplus = surplus.select(reason=ibis.literal("drop_duplicates"), copies_=surplus["copies_"] - 1)
        reasons.append(surplus.group_by("reason").aggregate(rows=surplus["copies_"].sum().cast("int64")))
        kept = kept.distinct()
    if not reasons:
        none = raw.select(reason=ibis.literal("")).limit(0)
        reasons.append(none.group_by("reason").aggregate(rows=none.count()))
    return Dropped(kept, ibis.union(*reasons) if len(reasons) > 1 else reasons[0])


def _canonical_column(raw: ibis.Table, column: Column, mapping: TableMapping, timezone: str) -> ibis.Value:
    import ibis

    from capflow_assets.validated.cleaning import values
    from capflow_assets.validated.cleaning.times import utc

    mapped = mapping.columns.get(column.name)
    if mapped is None:
        return ibis.null(column.dtype)
    value = raw[column.name]
    if column.dtype == "timestamp":
        return utc(value, mapped.format, mapped.timezone or timezone)
    read = {"string": values.text, "float64": values.number, "int64": values.whole, "boolean": values.flag}
    return read[column.dtype](value)
