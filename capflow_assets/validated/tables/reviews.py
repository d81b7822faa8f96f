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
                # Many corrupt files concern only the models that need reviews (validation/needs), so they never block.
                Rule("equal_to", {"value": False}, "Send the file again; corrupt_reason says why.", False, 1.0),
            ),
        ),
        Column("corrupt_reason", "string", "Why its file cannot be read as text."),
    ),
    key=("review_id",),
)
DERIVED = ("review_id",)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return reviews in canonical columns and types.

    Where no review_id is sent, it is derived from shopper, item, second and text; duplicates are numbered from the
    second on, so that none is lost, or with `distinct` reduced to one.
    """
    from capflow_assets.validated.cleaning.cleaning import canonical_columns, one_row_per_key

    rows = raw.select(**canonical_columns(raw, TABLE, mapping, timezone))
    if "review_id" in mapping.columns:
        return one_row_per_key(rows, TABLE, mapping)
    named = one_row_per_key(_add_ids(rows), TABLE, mapping)
    return named if mapping.options.get("distinct") else _number_duplicates(named)


def _add_ids(rows: ibis.Table) -> ibis.Table:
    """Derive review_id: an md5 of time, item, user and text, the same on every engine."""
    moment = rows["ts"].truncate("s").cast("string").replace(" ", "T")
    identity = rows["text"].fill_null("")
    for part in (moment, rows["item_id"], rows["user_id"]):
        identity = part.fill_null("") + "|" + identity  # the text comes last: only the ids could hold a bar
    return rows.mutate(review_id=identity.hexdigest("md5"))


def _number_duplicates(rows: ibis.Table) -> ibis.Table:
    """Number the reviews of one id, ordered by all other columns: the second is "<id>-2", and so on."""
    import ibis

    others = [rows[name].asc(nulls_first=True) for name in rows.columns if name != "review_id"]
    # Reviews that tie are equal in every column, so their order does not matter.
    place = ibis.row_number().over(group_by=rows["review_id"], order_by=others)
    numbered = rows["review_id"] + "-" + (place + 1).cast("string")
    return rows.mutate(review_id=ibis.ifelse(place == 0, rows["review_id"], numbered))
