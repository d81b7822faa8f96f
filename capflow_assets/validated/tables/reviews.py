"""Reviews: what shoppers wrote about items, and how many stars they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Rule, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="reviews",
    description="Each review or rating of an item by a shopper.",
    columns=(
        Column(
            "review_id",
            "string",
            "The review; worked out from shopper, item, time and text where none is sent.",
            nullable=False,
        ),
        Column("user_id", "string", "The shopper; empty for an anonymous review."),
        Column("item_id", "string", "The item."),
        Column("ts", "timestamp", "When it was written, in UTC."),
        Column("text", "string", "What was written."),
        Column("rating", "float64", "The stars given, on the customer's own scale."),
        Column("language", "string", "The language it is written in, as ISO 639-1: en, de."),
        Column(
            "corrupt",
            "boolean",
            "Whether its file cannot be read as text.",
            rules=(
                # Many of them are the concern of the models that need them (validation/contracts), not of all others.
                Rule("equal_to", {"value": False}, "Send the file again; corrupt_reason says why.", False, 1.0),
            ),
        ),
        Column("corrupt_reason", "string", "Why its file cannot be read as text."),
    ),
    key=("review_id",),
)
DERIVED = ("review_id",)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Reviews in canonical columns and types.

    Where no review_id is sent, those of one shopper, item, second and text share one, and are numbered from the second
    on, so that none is lost; with `distinct`, one of them is kept.
    """
    from capflow_assets.validated.cleaning.cleaning import canonical_columns, one_row_per_key

    rows = raw.select(**canonical_columns(raw, TABLE, mapping, timezone))
    if "review_id" in mapping.columns:
        return one_row_per_key(rows, TABLE, mapping)
    named = one_row_per_key(_with_ids(rows), TABLE, mapping)
    return named if mapping.options.get("distinct") else _numbered(named)


def _with_ids(rows: ibis.Table) -> ibis.Table:
    """An md5, the same on every engine, of what tells one review from another."""
    moment = rows["ts"].truncate("s").cast("string").replace(" ", "T")
    told = rows["text"].fill_null("")
    for part in (moment, rows["item_id"], rows["user_id"]):
        told = part.fill_null("") + "|" + told  # the text comes last: only the ids could hold a bar
    return rows.mutate(review_id=told.hexdigest("md5"))


def _numbered(rows: ibis.Table) -> ibis.Table:
    """The second review of an id is "<id>-2", and so on, in the order of all other columns."""
    import ibis

    others = [rows[name].asc(nulls_first=True) for name in rows.columns if name != "review_id"]
    # Reviews that tie are equal in every column, so their numbers may be swapped: the result is the same.
    place = ibis.row_number().over(group_by=rows["review_id"], order_by=others)
    numbered = rows["review_id"] + "-" + (place + 1).cast("string")
    return rows.mutate(review_id=ibis.ifelse(place == 0, rows["review_id"], numbered))
