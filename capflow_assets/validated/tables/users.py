"""Users: the shoppers of a customer, with whatever it knows about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="users",
    description="Each shopper once, with the attributes that the customer keeps (columns attribute_<name>).",
    columns=(
        Column("user_id", "string", "The shopper.", nullable=False),
        Column("first_seen", "timestamp", "When the shopper first signed up or bought, in UTC."),
    ),
    key=("user_id",),
)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return users in canonical columns, attributes as text; with `distinct`, first_seen is the earliest one."""
    from capflow_assets.validated.cleaning.cleaning import canonical_columns, one_row_per_key
    from capflow_assets.validated.cleaning.values import text
    from partitions.canonical import attribute_column

    attributes = {name: text(raw[name]) for name in map(attribute_column, mapping.attributes)}
    rows = raw.select(**canonical_columns(raw, TABLE, mapping, timezone), **attributes)
    if mapping.options.get("distinct"):
        rows = rows.mutate(first_seen=rows["first_seen"].min().over(group_by="user_id"))
    return one_row_per_key(rows, TABLE, mapping)
