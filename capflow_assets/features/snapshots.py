"""Point in time: the only place that decides what was known before a date.

How bills stay free of the future: a bill's amount, line count and the like may be sums over lines, some of which came
after the date. `before` therefore cuts line_items first and restates from the lines that are left every bill whose
`line_item_count` differs from them. A bill derived from lines has that count by construction, so it always equals
what deriving it from the cut lines gives, whatever comes later. A bill that the customer sent keeps its own amount
where its count agrees with the lines, is not given, or none of its lines were given. Every comparison uses rows from
before the date only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.validated.anchors import snapshot_grid
from capflow_assets.validated.content import TIME_COLUMNS
from capflow_assets.validated.tables.bills import derive_bills

if TYPE_CHECKING:
    import ibis

Tables = Mapping[str, "ibis.Table"]


def snapshot_dates(as_of: datetime, first_ts: datetime) -> list[datetime]:
    """Return the dates to learn from: `as_of` and the last seven anchors up to it that have sales before them."""
    _require_naive(as_of)
    return [date for date in snapshot_grid(as_of) if first_ts < date]


def cut_before(
    tables: Tables, as_of: datetime, complete_bills: bool = False, undated: Collection[str] = ()
) -> dict[str, ibis.Table]:
    """Cut every table to what was known just before `as_of` (UTC).

    Rows without a time are dropped. Shoppers without a first date stay; items, media and shoppers' attributes carry
    no history and stay as they are. Bills need line_items beside them. With `complete_bills` no bill needs restating
    at this date (validated.content.bills_are_complete), which saves most of the work. Rows without a time stay in the
    tables that `undated` names: a model that learns from labels instead of the future leaks nothing by them.

    Raises ValueError for a table that it has no rule for: a table that cannot be cut must not slip through whole.
    """
    _require_naive(as_of)
    unknown = sorted(set(tables) - set(_CUTS))
    if unknown:
        raise ValueError(
            f"features.snapshots.cut_before: no rule for what was known of table '{unknown[0]}' before a date. "
            f"Add one to capflow_assets/features/snapshots.py; known tables: {', '.join(_CUTS)}."
        )
    cuts = {**_CUTS, "bills": _cut_by_time("bills")} if complete_bills else _CUTS
    return {name: (_cut_by_time(name, True) if name in undated else cuts[name])(tables, as_of) for name in tables}


def cut_window(tables: Tables, start: datetime, end: datetime, complete_bills: bool = False) -> dict[str, ibis.Table]:
    """Cut every table to [`start`, `end`), as it was known just before `end`.

    A bill belongs to the window in which it began. Tables without a time (users, items, media) are as before `end`;
    `complete_bills` is as in `cut_before`, at `end`. Raises ValueError unless `start` is before `end`.
    """
    if start >= end:
        raise ValueError(
            f"features.snapshots.cut_window: start {start} is not before end {end}. Pass the earlier one first."
        )
    known = cut_before(tables, end, complete_bills)
    return {
        name: table.filter(table[TIME_COLUMNS[name]] >= start) if name in TIME_COLUMNS else table
        for name, table in known.items()
    }


def build_snapshots(
    feature_set: FeatureSet, tables: Tables, dates: Sequence[datetime], complete: Collection[datetime] = ()
) -> ibis.Table:
    """Build one feature set at each of several dates, as one table; `complete` are the dates with complete bills."""
    import ibis

    if not dates:
        raise ValueError(
            f"features/{feature_set.name}: no date has sales before it, so there is nothing to compute. "
            "Choose an as-of date after the first sale."
        )
    return ibis.union(*[build_snapshot(feature_set, tables, date, date in complete) for date in dates], distinct=False)


def build_snapshot(feature_set: FeatureSet, tables: Tables, date: datetime, complete_bills: bool = False) -> ibis.Table:
    """Build one feature set as of one date: its key, `as_of`, then the features."""
    import ibis

    names = [feature.name for feature in feature_set.features]
    built = feature_set.build(cut_before(tables, date, complete_bills), date)
    return built.select(*feature_set.key, ibis.literal(date).name("as_of"), *names)


def _cut_bills(tables: Tables, as_of: datetime) -> ibis.Table:
    """Return bills begun before `as_of`, restated where some of their lines were not known yet."""
    import ibis

    if "line_items" not in tables:
        raise ValueError(
            "features.snapshots.cut_before: bills cannot be cut without line_items, for a bill may hold lines from "
            f"after {as_of}. Pass line_items beside bills."
        )
    bills = _cut_by_time("bills")(tables, as_of)
    from_lines = derive_bills(_cut_by_time("line_items")(tables, as_of))
    known = from_lines.rename({f"known_{name}": name for name in from_lines.columns})
    joined = bills.left_join(known, bills.bill_id == known.known_bill_id)
    complete = (joined.line_item_count == joined.known_line_item_count).fill_null(True)
    return joined.select(
        **{
            name: ibis.ifelse(complete, joined[name], joined[f"known_{name}"].cast(bills[name].type()))
            if name in from_lines.columns
            else joined[name]
            for name in bills.columns
        }
    )


def _cut_by_time(name: str, undated: bool = False) -> Callable[[Tables, datetime], ibis.Table]:
    def cut(tables: Tables, as_of: datetime) -> ibis.Table:
        table = tables[name]
        time = table[TIME_COLUMNS[name]]
        return table.filter((time < as_of) | time.isnull() if undated else time < as_of)

    return cut


def _cut_contacts(tables: Tables, as_of: datetime) -> ibis.Table:
    """Return contacts sent before `as_of`, with responses from `as_of` or later set to null."""
    import ibis

    sent = _cut_by_time("contacts")(tables, as_of)
    responded = sent.responded_at
    return sent.mutate(responded_at=ibis.ifelse(responded < as_of, responded, ibis.null(responded.type())))


def _cut_users(tables: Tables, as_of: datetime) -> ibis.Table:
    users = tables["users"]
    return users.filter(users.first_seen.isnull() | (users.first_seen < as_of))


def _keep(name: str) -> Callable[[Tables, datetime], ibis.Table]:
    return lambda tables, as_of: tables[name]


def _require_naive(as_of: datetime) -> None:
    if as_of.tzinfo is not None:
        raise ValueError(f"as-of date {as_of} has a time zone. Pass UTC without one, as every table's timestamps are.")


_CUTS: Mapping[str, Callable[[Tables, datetime], ibis.Table]] = {
    "line_items": _cut_by_time("line_items"),
    "bills": _cut_bills,
    "contacts": _cut_contacts,
    "reviews": _cut_by_time("reviews"),
    "users": _cut_users,
    "items": _keep("items"),
    "media": _keep("media"),
}
