"""What describes items and shoppers: the path of categories, and attributes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from capflow_assets.onboarding.context import Context
from capflow_assets.onboarding.facts import Column, Table
from capflow_assets.onboarding.match import Confidence
from capflow_assets.onboarding.names import fit
from capflow_assets.onboarding.words import tokens

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
class Path:
    """The columns of a category path, from wide to narrow; none when nothing groups the items."""

    columns: tuple[str, ...] = ()
    confidence: Confidence = "guess"
    reasons: tuple[str, ...] = ()


def category_of(context: Context, taken: Collection[str], item: str | None = None) -> Path:
    """The columns that group items, the widest first: by their names, and by each value having one in the wider one.

    `item` is the item's column where items repeat (in lines of sales): a group must then be decided by the item.
    """
    table = context.table
    groups = [c for c in table.columns if c.name not in taken and _groups(c, table)]
    if item is not None:
        groups = [c for c in groups if functional(table, item, c.name) > NESTED]
    named = [c for c in groups if fit("category", c.name, table.name) >= 0.5]
    if not named:
        nested = [c for c in groups if any(_nested(table, c, other) for other in groups if other is not c)]
        chosen, confidence, why = nested, "guess", "each value lies in one of the wider column"
    else:
        chosen, confidence, why = named, "likely", "their names say groups"
    ordered = sorted(chosen, key=lambda c: c.distinct)[:DEEPEST]
    if not ordered:
        return Path()
    steps = pairwise(ordered)
    if len(ordered) > 1 and all(table.agrees(fine.name, wide.name) > NESTED for wide, fine in steps):
        why += ", and each narrower one lies in one wider one" if named else ""
        confidence = "sure" if named else confidence
    return Path(tuple(c.name for c in ordered), confidence, (why,))  # type: ignore[arg-type]


def _nested(table: Table, one: Column, other: Column) -> bool:
    return max(table.agrees(other.name, one.name), table.agrees(one.name, other.name)) > NESTED


def _groups(c: Column, table: Table) -> bool:
    few = 2 <= c.distinct <= max(3, table.rows / 3)
    return c.kind == "text" and few and c.words < 8 and c.nulls < 0.9 and fit("brand", c.name, table.name) < 0.5


def attributes_of(table: Table, taken: Collection[str], user: str | None = None) -> tuple[str, ...]:
    """The columns that say something of a shopper: few values, not the shopper's name or address.

    `user` is the shopper's column where shoppers repeat (in lines of sales): it must then decide the attribute.
    """
    found = []
    for column in table.columns:
        few = 2 <= column.distinct <= MOST_VALUES and column.distinct * 3 <= column.filled
        plain = column.kind in ("text", "flag") or (column.kind == "number" and column.whole > 0.999)
        if column.name in taken or not few or not plain or set(tokens(column.name)) & PERSONAL:
            continue
        if user is None or functional(table, user, column.name) > NESTED:
            found.append(column.name)
    return tuple(found)


def functional(table: Table, of: str, column: str) -> float:
    """How surely `of` decides `column`, above chance."""
    return table.agrees(of, column)


def describing(table: Table, item: str, taken: Collection[str]) -> str | None:
    """The text that tells one item from another, where no name says which column it is."""
    texts = [c for c in table.columns if c.name not in taken and c.kind == "text" and c.words > 1.4 and c.distinct > 20]
    decided = [(functional(table, item, c.name), c.name) for c in texts if functional(table, item, c.name) > 0.6]
    return max(decided, default=(0.0, None))[1]
