"""Decide which table of a source is which canonical table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from capflow_assets.onboarding.matching.column_matching import Match, match_columns
from capflow_assets.onboarding.matching.lexicon import concept_set
from capflow_assets.onboarding.matching.table_context import TableContext
from capflow_assets.onboarding.matching.value_evidence import NOT_THE_IDS
from capflow_assets.onboarding.profiling.profiles import ProfiledTable
from partitions.canonical import REQUIRED_COLUMNS

KEYS: Mapping[str, str] = {"users": "user_id", "items": "item_id", "bills": "bill_id"}
FOUND = 0.9  # share of a column's values in another table's key that makes it a reference
# Concepts in a table's name that suggest its role.
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
    """One table of a source as one canonical table; `itemless` if it says what was paid and when, but not for what."""

    canonical: str
    table: ProfiledTable
    matches: Mapping[str, Match]
    score: float
    itemless: bool = False


def find_sales(tables: Sequence[ProfiledTable]) -> Role | None:
    """Return the table of sales lines; one without items only if there is no other. None when there is none."""
    candidates = [role for table in tables if (role := _sales_role(table, find_references(table, tables))) is not None]
    return max(candidates, key=lambda role: role.score - 5 * role.itemless, default=None)


def find_other_tables(tables: Sequence[ProfiledTable], lines: Role) -> dict[str, Role]:
    """Return the other canonical tables, each from the table that fits best; a table has one role only."""
    known_ids = {
        name: lines.table.values.get(match.source, frozenset())
        for name, match in lines.matches.items()
        if name in ("user_id", "item_id", "bill_id")
    }
    others = [table for table in tables if table is not lines.table]
    candidates = [
        role
        for table in others
        for canonical in ("bills", "users", "items", "contacts", "reviews", "media")
        if (role := _role_as(canonical, TableContext(table, find_references(table, tables), known_ids))) is not None
    ]
    chosen: dict[str, Role] = {}
    for role in sorted(candidates, key=lambda role: -role.score):
        if role.canonical not in chosen and all(role.table is not other.table for other in chosen.values()):
            chosen[role.canonical] = role
    return chosen


def find_references(table: ProfiledTable, tables: Sequence[ProfiledTable]) -> dict[str, tuple[str, ...]]:
    """Return for each column the other tables whose key has nearly all of its values, or nearly all its own there."""
    keys = {
        other.name: [other.values[c.name] for c in other.columns if c.is_key and len(other.values.get(c.name, ())) > 20]
        for other in tables
        if other is not table
    }
    references = {}
    for name, values in table.values.items():
        referenced = [
            other
            for other, sets in keys.items()
            if any(len(values & keyed) >= FOUND * min(len(values), len(keyed)) and len(values) > 20 for keyed in sets)
        ]
        if referenced:
            references[name] = tuple(referenced)
    return references


def _sales_role(table: ProfiledTable, referring: Mapping[str, tuple[str, ...]]) -> Role | None:
    context = TableContext(table, referring)
    matches = match_columns("line_items", context)
    is_unsure = "item_id" not in matches or matches["item_id"].confidence == "guess"
    if is_unsure and (description := _item_by_description(context, matches)):
        matches["item_id"] = description
    elif "item_id" in matches and is_unsure and "bill_id" not in matches:
        del matches["item_id"]  # a number that may be anything
    if "item_id" in matches and table.column(matches["item_id"].source).is_key:
        return None  # a list of items, each once
    when_columns = [name for name in ("ts", "bill_id", "user_id") if name in matches]
    money = "unit_price" in matches or "amount" in matches
    if not when_columns or not money:
        return None
    # A price and some id are not yet a sale: it takes a shopper or a bill, and a time or an item.
    is_sale = {"ts", "item_id"} & matches.keys() and ("item_id" in matches or {"ts", "user_id"} <= matches.keys())
    if not is_sale or all(matches[name].confidence == "guess" for name in when_columns):
        return None
    score = sum(match.points for match in matches.values()) + _name_bonus("line_items", table)
    score += math.log10(max(table.total, 1))
    return Role("line_items", table, matches, score, itemless="item_id" not in matches)


def _item_by_description(context: TableContext, matches: Mapping[str, Match]) -> Match | None:
    """Return the description as item_id, where no number names what was sold; None when there is no description."""
    taken_columns = [match.source for name, match in matches.items() if name != "item_id"]
    description = match_columns("items", context, leave_out=taken_columns).get("description")
    if description is None:
        return None
    confidence = "likely" if description.confidence == "sure" else description.confidence
    reasons = ("no id names what was sold; this text does", *description.reasons)
    return replace(description, column="item_id", confidence=confidence, reasons=reasons)


def _role_as(canonical: str, context: TableContext) -> Role | None:
    matches = match_columns(canonical, context)
    if canonical == "media" and "uri" in matches:
        matches.setdefault("media_id", replace(matches["uri"], column="media_id"))
    for group in REQUIRED_COLUMNS[canonical]:
        if group != ("kind",) and not any(name in matches for name in group):
            return None
    key = KEYS.get(canonical)
    if key and not _is_nearly_key(context.table, matches[key].source):
        return None
    for name in ("user_id", "item_id"):
        if name in matches and any(reason.startswith(NOT_THE_IDS) for reason in matches[name].reasons):
            return None
    score = sum(match.points for match in matches.values()) + _name_bonus(canonical, context.table)
    responded = matches.get("responded_at")
    if responded and "sent_at" not in matches and not context.table.column(responded.source).nulls:
        score -= 8  # a list of responses: those who did not respond are missing
    return Role(canonical, context.table, matches, score)


def _is_nearly_key(table: ProfiledTable, column: str) -> bool:
    facts = table.column(column)
    return facts.filled > 0.98 * facts.rows and facts.distinct > 0.98 * facts.filled


def _name_bonus(canonical: str, table: ProfiledTable) -> float:
    return 2.0 if concept_set(table.name) & _NAMES[canonical] else 0.0
