"""Generate every feature that the relationships give up to a chosen depth, the simplest first.

Method: Kanter & Veeramachaneni, "Deep Feature Synthesis" (2015): aggregates of children, look-ups in parents and
transforms, each of what the same rules made of the rows below.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from capflow_assets.features.recursive.definitions import (
    Aggregate,
    Definition,
    LookUp,
    Ratio,
    SourceColumn,
    Transform,
    depth,
    kind,
)
from capflow_assets.features.recursive.names import name
from capflow_assets.features.recursive.primitives import AGGREGATIONS, TRANSFORMS
from capflow_assets.features.recursive.relationships import ATTRIBUTE, ENTITIES, children, field, parents

DEEPEST = 3
MOST = 250

Columns = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Candidates:
    """The users' features, the simplest first, and how many more there were than the limit lets through."""

    definitions: tuple[Definition, ...]
    left_out: int


def generate(columns: Columns, deepest: int = 2, most: int = MOST) -> Candidates:
    """Return up to `most` features of a user, of at most `deepest` (1 to 3) primitives stacked.

    `columns` names the columns of each table that is there; what is not declared in relationships.py is left alone.
    Simplest first: fewer primitives, then the shorter name, then the alphabet. Raises ValueError for another depth.
    """
    if not 1 <= deepest <= DEEPEST:
        raise ValueError(f"recursive features of depth {deepest}: choose a depth from 1 to {DEEPEST}.")
    found = sorted(set(_of_users(columns, deepest)), key=simplicity_key)
    return Candidates(tuple(found[:most]), max(0, len(found) - most))


def simplicity_key(definition: Definition) -> tuple[int, int, str]:
    """Return the key that sorts definitions, the simplest first."""
    text = name(definition)
    return depth(definition), len(text), text


def _of_users(columns: Columns, deepest: int) -> Iterator[Definition]:
    """Yield transforms of a user's own columns, aggregates of the rows that belong to them, and transforms of those."""
    for column in _columns("users", columns):
        primitive = "number" if column.name.startswith(ATTRIBUTE) else "days_since"
        yield Transform(primitive, column)
    aggregates = list(_aggregates("users", columns, deepest))
    yield from aggregates
    shallow = [found for found in aggregates if depth(found) < deepest]
    for primitive, transform in TRANSFORMS.items():
        if transform.of_features:
            yield from (Transform(primitive, found) for found in shallow if found.primitive in ("count", "sum"))
    yield from _ratios(shallow)


def _ratios(aggregates: Collection[Aggregate]) -> Iterator[Ratio]:
    """Yield the last over the mean, and parts over their whole (discounts over amounts)."""
    by_rows = {(found.child, found.primitive, found.operand): found for found in aggregates}
    for (child, primitive, operand), found in by_rows.items():
        if primitive == "last" and (usual := by_rows.get((child, "mean", operand))):
            yield Ratio(found, usual)
        if primitive == "sum" and isinstance(operand, SourceColumn) and operand.name != "amount":
            whole = by_rows.get((child, "sum", SourceColumn(child, "amount")))
            if whole and operand.declared.scale == SourceColumn(child, "amount").declared.scale:
                yield Ratio(found, whole)


def _aggregates(entity: str, columns: Columns, deepest: int) -> Iterator[Aggregate]:
    for link in children(entity):
        if link.child not in columns or deepest < 1:
            continue
        yield Aggregate(entity, "count", link.child)
        for operand in _operands(link.child, columns, deepest - 1):
            for primitive in AGGREGATIONS:
                if _fits(primitive, link.child, operand):
                    yield Aggregate(entity, primitive, link.child, operand)


def _operands(entity: str, columns: Columns, deepest: int) -> Iterator[Definition]:
    """Yield what an entity's rows hold: columns, looked-up columns, transforms of columns, and their own aggregates."""
    own = list(_columns(entity, columns))
    yield from own
    for link in parents(entity):
        yield from (LookUp(entity, column) for column in _columns(link.parent, columns))
    if deepest >= 1:
        for column in own:
            yield from (Transform(primitive, column) for primitive in TRANSFORMS if _turns(primitive, column))
        yield from _aggregates(entity, columns, deepest)


def _columns(entity: str, columns: Columns) -> Iterator[SourceColumn]:
    there = columns.get(entity, ())
    yield from (SourceColumn(entity, column) for column in there if field(entity, column) is not None)


def _turns(primitive: str, column: SourceColumn) -> bool:
    """Return whether a transform of a column is informative; that a row's own time is known is not."""
    transform = TRANSFORMS[primitive]
    if transform.of_features or primitive == "number" or kind(column) != transform.takes:
        return False
    is_own_time = column.name == ENTITIES[column.entity].time
    return is_own_time != (primitive == "known")


def _fits(primitive: str, child: str, operand: Definition) -> bool:
    """Return whether an aggregate says something that a simpler one does not: a sum of sums is a sum."""
    told = AGGREGATIONS[primitive]
    if told.takes is None or told.takes != kind(operand):
        return False
    if told.moments and (not ENTITIES[child].has_moments or isinstance(operand, Transform)):
        return False
    if told.adds_up:
        return isinstance(operand, SourceColumn) and operand.declared.adds_up
    if not isinstance(operand, Aggregate):
        return True
    again = primitive == operand.primitive == "max"
    return told.stacks and AGGREGATIONS[operand.primitive].within and not again
