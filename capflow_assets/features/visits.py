"""What counts as a visit, and how days and money are counted: shared by features, methods and models."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

SECONDS_PER_DAY = 86_400


def is_visit(bills: ibis.Table) -> ibis.ir.BooleanValue:
    """Return whether each bill is a visit: an identified shopper, a time, an amount of 0 or more, and no return.

    This is the only such rule: populations and features that used two disagreed about shoppers with nothing but bills
    of 0. A bill of 0 counts because the shopper came (a coupon, a gift card, a free item), and because the published
    CDNOW results, which BG/NBD is tested against, count them (Fader, Hardie & Lee 2005). Only the KPIs of a validation
    report decide for themselves: each is exact against its own SQL.
    """
    return bills.user_id.notnull() & bills.ts.notnull() & (bills.amount >= 0).fill_null(False) & ~is_return(bills)


def visits(bills: ibis.Table) -> ibis.Table:
    """Return the bills that are visits, with `day` (days since 1970-01-01, UTC) and `cents` (the amount) added."""
    kept = bills.filter(is_visit(bills))
    return kept.mutate(day=day_number(kept.ts), cents=cents(kept.amount))


def is_return(table: ibis.Table) -> ibis.ir.BooleanValue:
    """Return whether each bill or line is a return; null counts as a purchase."""
    return table.is_return.fill_null(False)


def day_number(ts: ibis.Value) -> ibis.Value:
    """Return days since 1970-01-01 of a UTC timestamp, the same on every engine (`.delta("day")` is not)."""
    return ts.epoch_seconds() // SECONDS_PER_DAY


def day_number_of(as_of: datetime) -> int:
    """Return days since 1970-01-01 of a datetime (UTC)."""
    return (as_of - datetime(1970, 1, 1)).days


def cents(amount: ibis.Value) -> ibis.Value:
    """Return money as whole cents, so that a sum does not depend on row order."""
    return (amount * 100).round().cast("int64")
