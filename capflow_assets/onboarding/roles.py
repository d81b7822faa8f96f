"""Which table of a source is which canonical table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from capflow_assets.onboarding.context import Context
from capflow_assets.onboarding.facts import Table
from capflow_assets.onboarding.match import Match, matches
from capflow_assets.onboarding.words import about
from partitions.canonical import REQUIRED_COLUMNS

KEYS: Mapping[str, str] = {"users": "user_id", "items": "item_id", "bills": "bill_id"}
FOUND = 0.9  # of a column's values in another table's key make it refer to that table
# A table's own name may speak for its role.
_NAMES = {
    "line_items": {"bill"},
    "bills": {"bill"},
    "users": {"user"},
    "items": {"item"},
    "contacts": {"campaign", "sent", "offer"},
    "reviews": {"review", "rating"},
    "media": {"media", "image"},
}


@dataclass(frozen=True)
class Role:
    """One table of a source as one canonical table."""

    canonical: str
    table: Table
    matches: Mapping[str, Match]
    score: float
    itemless: bool = False


def lines_of(tables: Sequence[Table]) -> Role | None:
    """The table of sales lines; `itemless` when it tells what was paid and when, but not what for. None for none."""
    found = [role for table in tables if (role := _lines(table, refers(table, tables))) is not None]
    return max(found, key=lambda role: role.score - 5 * role.itemless, default=None)


def others_of(tables: Sequence[Table], lines: Role) -> dict[str, Role]:
    """The other canonical tables, each from the table that fits best; a table has one role only."""
    known = {
        name: lines.table.values.get(match.source, frozenset())
        for name, match in lines.matches.items()
        if name in ("user_id", "item_id", "bill_id")
    }
    beside = [table for table in tables if table is not lines.table]
    candidates = [
        role
        for table in beside
        for canonical in ("bills", "users", "items", "contacts", "reviews", "media")
        if (role := _beside(canonical, Context(table, refers(table, tables), known))) is not None
    ]
    taken: dict[str, Role] = {}
    for role in sorted(candidates, key=lambda role: -role.score):
        if role.canonical not in taken and all(role.table is not other.table for other in taken.values()):
            taken[role.canonical] = role
    return taken


def refers(table: Table, tables: Sequence[Table]) -> dict[str, tuple[str, ...]]:
    """For each column, the other tables whose key has nearly all of its values, or nearly all of its own there."""
    keys = {
        other.name: [other.values[c.name] for c in other.columns if c.is_key and len(other.values.get(c.name, ())) > 20]
        for other in tables
        if other is not table
    }
    found = {}
    for name, values in table.values.items():
        named = [
            other
            for other, sets in keys.items()
            if any(len(values & keyed) >= FOUND * min(len(values), len(keyed)) and len(values) > 20 for keyed in sets)
        ]
        if named:
            found[name] = tuple(named)
    return found


def _lines(table: Table, referring: Mapping[str, tuple[str, ...]]) -> Role | None:
    context = Context(table, referring)
    found = matches("line_items", context)
    unsure = "item_id" not in found or found["item_id"].confidence == "guess"
    if unsure and (told := _told_item(context, found)):
        found["item_id"] = told
    elif "item_id" in found and unsure and "bill_id" not in found:
        del found["item_id"]  # some number, which may be anyone's
    if "item_id" in found and table.column(found["item_id"].source).is_key:
        return None  # a list of items, each once
    when = [name for name in ("ts", "bill_id", "user_id") if name in found]
    money = "unit_price" in found or "amount" in found
    if not when or not money:
        return None
    # A price and someone's number are not yet a sale: who or which bill must be told, and when or which item.
    anchored = {"ts", "item_id"} & found.keys() and ("item_id" in found or {"ts", "user_id"} <= found.keys())
    if not anchored or all(found[name].confidence == "guess" for name in when):
        return None
    score = sum(match.points for match in found.values()) + _named("line_items", table)
    score += math.log10(max(table.total, 1))
    return Role("line_items", table, found, score, itemless="item_id" not in found)


def _told_item(context: Context, found: Mapping[str, Match]) -> Match | None:
    """Where no number names what was sold, its description does."""
    taken = [match.source for name, match in found.items() if name != "item_id"]
    told = matches("items", context, leave_out=taken).get("description")
    if told is None:
        return None
    confidence = "likely" if told.confidence == "sure" else told.confidence
    reasons = ("no number names what was sold; this text does", *told.reasons)
    return replace(told, column="item_id", confidence=confidence, reasons=reasons)


def _beside(canonical: str, context: Context) -> Role | None:
    found = matches(canonical, context)
    if canonical == "media" and "uri" in found:
        found.setdefault("media_id", replace(found["uri"], column="media_id"))
    for group in REQUIRED_COLUMNS[canonical]:
        if group != ("kind",) and not any(name in found for name in group):
            return None
    key = KEYS.get(canonical)
    if key and not _nearly_key(context.table, found[key].source):
        return None
    for name in ("user_id", "item_id"):
        if name in found and any(reason.startswith("they are not") for reason in found[name].reasons):
            return None
    score = sum(match.points for match in found.values()) + _named(canonical, context.table)
    answered = found.get("responded_at")
    if answered and "sent_at" not in found and not context.table.column(answered.source).nulls:
        score -= 8  # a list of answers: whoever did not answer is missing
    return Role(canonical, context.table, found, score)


def _nearly_key(table: Table, column: str) -> bool:
    facts = table.column(column)
    return facts.filled > 0.98 * facts.rows and facts.distinct > 0.98 * facts.filled


def _named(canonical: str, table: Table) -> float:
    return 2.0 if about(table.name) & _NAMES[canonical] else 0.0
