"""Find what describes items and shoppers: the category path, a description, and attributes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from capflow_assets.onboarding.matching.column_matching import Confidence
from capflow_assets.onboarding.matching.lexicon import tokens
from capflow_assets.onboarding.matching.name_scores import name_score
from capflow_assets.onboarding.matching.table_context import TableContext
from capflow_assets.onboarding.profiling.profiles import ProfiledColumn, ProfiledTable

NESTED = 0.9
DEEPEST = 4
MOST_VALUES = 60  # of an attribute
# fmt: off
PERSONAL = frozenset((
    "name", "firstname", "lastname", "surname", "vorname", "nachname", "nom", "prenom", "nombre", "apellido", "email",
    "mail", "phone", "telephone", "mobile", "telefon", "address", "street", "strasse", "adresse", "iban", "passport",
    "ssn", "ip", "latitude", "longitude",
))
# fmt: on


@dataclass(frozen=True)
class CategoryPath:
    """The columns of a category path, from broad to narrow; empty when nothing groups the items."""

    columns: tuple[str, ...] = ()
    confidence: Confidence = "guess"
    reasons: tuple[str, ...] = ()


def find_category(context: TableContext, taken: Collection[str], item: str | None = None) -> CategoryPath:
    """Find the columns that group items, the broadest first: by their names, and by functional dependency.

    `item` is the item's column where items repeat (in lines of sales): the item must then determine the group.
    """
    table = context.table
    groups = [c for c in table.columns if c.name not in taken and _can_group(c, table)]
    if item is not None:
        groups = [c for c in groups if table.dependency(item, c.name) > NESTED]
    named = [c for c in groups if name_score("category", c.name, table.name) >= 0.5]
    if not named:
        nested = [c for c in groups if any(_are_nested(table, c, other) for other in groups if other is not c)]
        chosen, confidence, why = nested, "guess", "each value belongs to one value of the broader column"
    else:
        chosen, confidence, why = named, "likely", "named like groups"
    ordered = sorted(chosen, key=lambda c: c.distinct)[:DEEPEST]
    if not ordered:
        return CategoryPath()
    steps = pairwise(ordered)
    if len(ordered) > 1 and all(table.dependency(narrow.name, broad.name) > NESTED for broad, narrow in steps):
        why += ", and each narrower group lies in one broader group" if named else ""
        confidence = "sure" if named else confidence
    return CategoryPath(tuple(c.name for c in ordered), confidence, (why,))  # type: ignore[arg-type]


def _are_nested(table: ProfiledTable, one: ProfiledColumn, other: ProfiledColumn) -> bool:
    return max(table.dependency(other.name, one.name), table.dependency(one.name, other.name)) > NESTED


def _can_group(c: ProfiledColumn, table: ProfiledTable) -> bool:
    few = 2 <= c.distinct <= max(3, table.rows / 3)
    return c.kind == "text" and few and c.words < 8 and c.nulls < 0.9 and name_score("brand", c.name, table.name) < 0.5


def find_attributes(table: ProfiledTable, taken: Collection[str], user: str | None = None) -> tuple[str, ...]:
    """Find the columns that describe a shopper: few distinct values, and no name or address of a person.

    `user` is the shopper's column where shoppers repeat (in lines of sales): it must then determine the attribute.
    """
    attributes = []
    for column in table.columns:
        few = 2 <= column.distinct <= MOST_VALUES and column.distinct * 3 <= column.filled
        plain = column.kind in ("text", "flag") or (column.kind == "number" and column.whole > 0.999)
        if column.name in taken or not few or not plain or set(tokens(column.name)) & PERSONAL:
            continue
        if user is None or table.dependency(user, column.name) > NESTED:
            attributes.append(column.name)
    return tuple(attributes)


def find_description(table: ProfiledTable, item: str, taken: Collection[str]) -> str | None:
    """Find the text column that the item determines best, where no name says which it is; None when there is none."""
    texts = [c for c in table.columns if c.name not in taken and c.kind == "text" and c.words > 1.4 and c.distinct > 20]
    decided = [(table.dependency(item, c.name), c.name) for c in texts if table.dependency(item, c.name) > 0.6]
    return max(decided, default=(0.0, None))[1]
