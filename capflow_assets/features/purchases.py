"""What counts as a sale of an item, and as a shopper's purchase: shared by everything that reads line items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.features.visits import cents, day_number, is_return

if TYPE_CHECKING:
    import ibis


def is_item_sale(line_items: ibis.Table) -> ibis.ir.BooleanValue:
    """Return whether each line sells an item: with an item, a time and a positive quantity, and no return."""
    has_item = line_items.item_id.notnull() & line_items.ts.notnull()
    return has_item & (line_items.quantity > 0).fill_null(False) & ~is_return(line_items)


def item_sales(line_items: ibis.Table) -> ibis.Table:
    """Return every line on which an item was sold, anonymous ones included; returns and corrections are not sales.

    Adds `day` (days since 1970-01-01, UTC), `cents` (the line's amount) and `thousandths` (of a piece, a kilogram, ...)
    to the columns of `line_items`: sums of whole numbers do not depend on row order.
    """
    lines = line_items.filter(is_item_sale(line_items))
    return lines.mutate(
        day=day_number(lines.ts).cast("int64"),
        cents=cents(lines.amount),
        thousandths=(lines.quantity * 1000).round().cast("int64"),
    )


def item_purchases(line_items: ibis.Table) -> ibis.Table:
    """Return every line that an identified shopper bought: `item_sales` without anonymous sales."""
    return item_sales(line_items.filter(line_items.user_id.notnull()))
