"""Rows that an analyst gave back out of quarantine, put in place of the ones that the source still sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from capflow_assets.validated.identity import ROW_ID, row_id

if TYPE_CHECKING:
    import ibis

GIVEN = "given_back_"
"""The column of a cleaned table that says of each row how it was given back; null for all others."""

CORRECTED, AS_THEY_ARE = "corrected", "as they are"
OWN = (ROW_ID, "given", "how", "changed", "who", "given_at", "why")
"""Columns of `readmitted/<table>` besides the table's: which row it stands for (several that are alike have as many
entries), by which giving back it came, CORRECTED or AS_THEY_ARE, the names of the columns that were corrected, like
",ts,amount,", and who gave it back, when and why."""


def put_back(cleaned: ibis.Table, entries: ibis.Table, identity: Sequence[str]) -> ibis.Table:
    """`cleaned` with its rows that were given back: corrected where they were, each marked in `GIVEN`.

    `identity` names the columns that tell which row an entry stands for. As many rows change as there are entries for
    them, never more; an entry whose row is not there (any more) does nothing. No row is added or lost.
    """
    import ibis

    names = list(cleaned.columns)
    tagged = cleaned.mutate(**{ROW_ID: row_id(cleaned, identity)})
    others = tagged.anti_join(entries, ROW_ID)
    meant = tagged.semi_join(entries, ROW_ID)
    any_order = [meant[name].asc(nulls_first=True) for name in names]  # rows of one row_id are alike: any will do
    meant = meant.mutate(copy_=ibis.row_number().over(group_by=ROW_ID, order_by=any_order))
    given = _numbered(entries, cleaned)
    joined = meant.left_join(given, [meant[ROW_ID] == given["new_row_id_"], meant["copy_"] == given["new_copy_"]])
    corrected = {
        name: ibis.ifelse(joined["new_changed_"].contains(f",{name},"), joined[f"new_{name}"], joined[name])
        for name in names
    }
    returned = joined.select(**corrected, **{GIVEN: joined["new_how_"]})
    return others.select(*names, **{GIVEN: ibis.null("string")}).union(returned)


def _numbered(entries: ibis.Table, cleaned: ibis.Table) -> ibis.Table:
    """Entries under names of their own, the entries of one row numbered in the order in which they were given."""
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
