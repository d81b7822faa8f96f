"""Line items: one row per line of a bill. The one table that every customer must send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import MOST_MONEY, Column, Rule, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

MOST_PIECES = 1_000_000_000
_TOO_MUCH = "Look for a number that stands in the wrong column, like a bar code; send what was really sold."

TABLE = Table(
    name="line_items",
    description="What shoppers bought and brought back: one row for each line of a bill.",
    columns=(
        Column("bill_id", "string", "The bill that the line is on.", nullable=False),
        Column("user_id", "string", "The shopper; empty for an anonymous sale."),
        Column("item_id", "string", "What was sold.", nullable=False),
        Column("ts", "timestamp", "When it was sold, in UTC.", nullable=False),
        Column(
            "quantity",
            "float64",
            "How many were sold; negative for a return.",
            nullable=False,
            rules=(
                Rule("not_equal_to", {"value": 0}, "Send the quantity sold, or leave lines without one out."),
                Rule("in_range", {"min_value": -MOST_PIECES, "max_value": MOST_PIECES}, _TOO_MUCH, False),
            ),
        ),
        Column(
            "unit_price",
            "float64",
            "Price of one before the discount, in the customer's currency.",
            nullable=False,
            rules=(
                Rule(
                    "greater_than_or_equal_to",
                    {"min_value": 0},
                    "Send prices as positive numbers, and returns as negative quantities; leave corrections out.",
                ),
                Rule("less_than_or_equal_to", {"max_value": MOST_MONEY}, _TOO_MUCH, False),
            ),
        ),
        Column("discount", "float64", "Discount on the whole line, positive on a sale.", nullable=False),
        Column(
            "amount",
            "float64",
            "What the line came to: quantity times unit price less discount.",
            nullable=False,
            rules=(Rule("in_range", {"min_value": -MOST_MONEY, "max_value": MOST_MONEY}, _TOO_MUCH, False),),
        ),
        Column("store_id", "string", "The store or machine."),
        Column("channel", "string", "Where it was sold: store, web, app."),
        Column("is_return", "boolean", "Whether the line takes goods back.", nullable=False),
    ),
)
DERIVED = ("bill_id", "quantity", "unit_price", "discount", "amount", "is_return")


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return line items in canonical columns and types, all rows of `raw`.

    Unmapped columns are derived: quantity 1, discount 0, amount = quantity * unit_price - discount (or the price from
    the amount), and bill_id from shopper, time and store. A line is a return by its flag, by the customer's `returns`
    rule or by a negative quantity. A flagged line with a positive quantity is negated (quantity, discount and amount),
    so that sums are net.
    """
    import ibis

    from capflow_assets.validated.cleaning.cleaning import canonical_columns

    rows = raw.select(**canonical_columns(raw, TABLE, mapping, timezone), flagged_=_has_return_prefix(raw, mapping))
    one = ibis.literal(1.0)
    rows = rows.mutate(
        quantity=rows["quantity"] if "quantity" in mapping.columns else one,
        discount=rows["discount"].fill_null(0.0),
    )
    flagged = rows["flagged_"] | rows["is_return"].fill_null(False)
    rows = rows.mutate(
        is_return=(flagged | (rows["quantity"] < 0)).fill_null(False),
        mirrored_=(flagged & (rows["quantity"] > 0)).fill_null(False),
    )
    rows = _add_money(rows, mapping)
    rows = rows.select([column.name for column in TABLE.columns])
    return rows if "bill_id" in mapping.columns else _add_bill_ids(rows)


def _has_return_prefix(raw: ibis.Table, mapping: TableMapping) -> ibis.ir.BooleanValue:
    import ibis

    from capflow_assets.validated.cleaning.values import text

    if mapping.returns is None:
        return ibis.literal(False)
    return text(raw[mapping.returns.column]).startswith(mapping.returns.prefix).fill_null(False)


def _add_money(rows: ibis.Table, mapping: TableMapping) -> ibis.Table:
    import ibis

    quantity, discount, mirrored = rows["quantity"], rows["discount"], rows["mirrored_"]
    amount, unit_price = rows["amount"], rows["unit_price"]
    if "amount" in mapping.columns:
        amount = ibis.ifelse(mirrored, amount.abs(), amount)
    else:
        amount = quantity * unit_price - discount
    if "unit_price" not in mapping.columns:
        unit_price = (amount + discount) / quantity.nullif(0.0)
    sign = ibis.ifelse(mirrored, -1.0, 1.0)
    return rows.mutate(
        quantity=quantity * sign,
        unit_price=unit_price,
        discount=ibis.ifelse(mirrored & (discount != 0), -discount, discount),
        amount=amount * sign,
    )


def _add_bill_ids(rows: ibis.Table) -> ibis.Table:
    """Derive bill_id: a shopper's lines at one second in one store are one bill, an anonymous line is its own bill."""
    import ibis

    moment = rows["ts"].truncate("s").cast("string").replace(" ", "T").fill_null("")
    place = moment + ":" + rows["store_id"].fill_null("") + ":"
    others = [rows[name].asc(nulls_first=True) for name in rows.columns if name != "bill_id"]
    # Lines that tie are equal in every column, so their order does not matter.
    line = ibis.row_number().over(group_by=[place, rows["user_id"]], order_by=others)
    known = ibis.literal("u:") + place + rows["user_id"]
    return rows.mutate(bill_id=ibis.coalesce(known, ibis.literal("a:") + place + line.cast("string")))
