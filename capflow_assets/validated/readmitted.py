"""Readmission: rows that an analyst gave back from quarantine replace those that the source still sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capflow_assets.validated.identity import ROW_ID, row_id

if TYPE_CHECKING:
    import ibis

GIVEN = "given_back_"
"""Column of a cleaned table: how the row was given back (CORRECTED or AS_THEY_ARE), null for all other rows."""

CORRECTED, AS_THEY_ARE = "corrected", "as they are"
OWN = (ROW_ID, "given", "how", "changed", "who", "given_at", "why")
"""Columns of `readmitted/<table>` besides the table's own: the row it stands for (identical rows have one entry each),
the number of the readmission, CORRECTED or AS_THEY_ARE, the names of the corrected columns (",ts,amount,"), and who
gave it back, when and why."""


def put_back(cleaned: ibis.Table, entries: ibis.Table, identity: Sequence[str]) -> ibis.Table:
    """Apply readmission entries to `cleaned`: correct the rows where asked, and mark each in the column `GIVEN`.

    `identity` names the columns that identify a row. At most as many rows change as there are entries for them; an
    entry whose row is gone does nothing. No row is added or lost.
    """
    import ibis

    names = list(cleaned.columns)
    tagged = cleaned.mutate(**{ROW_ID: row_id(cleaned, identity)})
    others = tagged.anti_join(entries, ROW_ID)
    meant = tagged.semi_join(entries, ROW_ID)
    any_order = [meant[name].asc(nulls_first=True) for name in names]  # rows of one row_id are identical: any will do
    meant = meant.mutate(copy_=ibis.row_number().over(group_by=ROW_ID, order_by=any_order))
    given = _number_entries(entries, cleaned)
    joined = meant.left_join(given, [meant[ROW_ID] == given["new_row_id_"], meant["copy_"] == given["new_copy_"]])
    corrected = {
        name: ibis.ifelse(joined["new_changed_"].contains(f",{name},"), joined[f"new_{name}"], joined[name])
        for name in names
    }
    returned = joined.select(**corrected, **{GIVEN: joined["new_how_"]})
    return others.select(*names, **{GIVEN: ibis.null("string")}).union(returned)


def _number_entries(entries: ibis.Table, cleaned: ibis.Table) -> ibis.Table:
    """Return the entries under prefixed names, those of one row numbered in the order in which they were given."""
    import ibis

    order = [entries["given"], entries["how"], entries["changed"]]
    order += [entries[name].asc(nulls_first=True) for name in cleaned.columns if name in entries.columns]
    values = {
        f"new_{name}": entries[name].cast(kind) if name in entries.columns else ibis.null(kind)
        for name, kind in cleaned.schema().items()
    }
    return entries.select(
        **values,
        new_row_id_=entries[ROW_ID],
        new_how_=entries["how"],
        new_changed_=entries["changed"],
        new_copy_=ibis.row_number().over(group_by=ROW_ID, order_by=order),
    )
