"""What counts as a visit, and how days are counted: shared by every feature set that reads bills."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

SECONDS_PER_DAY = 86_400


def visits(bills: ibis.Table) -> ibis.Table:
    """Every bill on which an identified shopper paid for something; returns and anonymous bills are not visits.

    Adds `day` (days since 1970-01-01, UTC) and `cents` (the bill's amount) to the columns of `bills`.
    """
    identified = bills.filter(bills.user_id.notnull(), bills.amount > 0, ~is_return(bills))
    return identified.mutate(day=day_number(identified.ts), cents=cents(identified.amount))


def is_return(table: ibis.Table) -> ibis.ir.BooleanValue:
    """Whether a bill or line is a return; one that does not say is a purchase."""
    return table.is_return.fill_null(False)


def day_number(ts: ibis.Value) -> ibis.Value:
    """Days since 1970-01-01 of a UTC timestamp, the same on every engine (`.delta("day")` is not)."""
    return ts.epoch_seconds() // SECONDS_PER_DAY


def day_number_of(as_of: datetime) -> int:
    """Days since 1970-01-01 of a date known now."""
    return (as_of - datetime(1970, 1, 1)).days


def cents(amount: ibis.Value) -> ibis.Value:
    """Money as whole cents, so that a sum does not depend on the order of its rows."""
    return (amount * 100).round().cast("int64")
