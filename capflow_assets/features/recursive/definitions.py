"""Definitions of recursive features: a column, or a primitive applied to definitions, each of one entity."""

from __future__ import annotations

from dataclasses import dataclass

from capflow_assets.features.recursive.primitives import AGGREGATIONS, TRANSFORMS
from capflow_assets.features.recursive.relationships import Field, Kind, field

MILLIONTHS = 1_000_000


@dataclass(frozen=True)
class SourceColumn:
    """A column of an entity's own table."""

    entity: str
    name: str

    @property
    def declared(self) -> Field:
        """Its declaration in the relationships."""
        found = field(self.entity, self.name)
        assert found is not None, f"{self.entity}.{self.name} is not declared"
        return found


@dataclass(frozen=True)
class LookUp:
    """A column of the one parent of a row: the list price of a line's item."""

    entity: str
    operand: SourceColumn

    @property
    def parent(self) -> str:
        """The entity that it is looked up in."""
        return self.operand.entity


@dataclass(frozen=True)
class Transform:
    """A primitive of TRANSFORMS applied to another value of the same row."""

    primitive: str
    operand: Definition

    @property
    def entity(self) -> str:
        """The entity that has it."""
        return self.operand.entity


@dataclass(frozen=True)
class Ratio:
    """One value of a row divided by another."""

    above: Definition
    below: Definition

    @property
    def entity(self) -> str:
        """The entity that has it."""
        return self.above.entity


@dataclass(frozen=True)
class Aggregate:
    """A primitive of AGGREGATIONS over the rows of `child` that belong to a row of `entity`; a count has no operand."""

    entity: str
    primitive: str
    child: str
    operand: Definition | None = None


Definition = SourceColumn | LookUp | Transform | Ratio | Aggregate


def depth(definition: Definition) -> int:
    """Count the primitives stacked: 0 for a column, looked up or not."""
    match definition:
        case Transform(_, operand):
            return 1 + depth(operand)
        case Ratio(above, below):
            return 1 + max(depth(above), depth(below))
        case Aggregate(operand=operand):
            return 1 + (0 if operand is None else depth(operand))
    return 0


def kind(definition: Definition) -> Kind:
    """Return the kind of its values, which decides the primitives that may be applied to it."""
    match definition:
        case SourceColumn():
            return definition.declared.kind
        case LookUp(_, operand):
            return kind(operand)
        case Transform(primitive):
            return TRANSFORMS[primitive].gives
    return "number"


def scale(definition: Definition) -> int:
    """Return the scale that sums are exact at, in multiples of 1 / scale; averages are rounded to the millionth."""
    match definition:
        case SourceColumn():
            return definition.declared.scale
        case LookUp(_, operand):
            return scale(operand)
        case Aggregate(_, primitive, _, operand) if AGGREGATIONS[primitive].exact:
            return 1 if operand is None or not AGGREGATIONS[primitive].takes_unit else scale(operand)
        case Transform(primitive) if TRANSFORMS[primitive].whole:
            return 1
    return MILLIONTHS


def is_nested(definition: Definition | None) -> bool:
    """Return whether an aggregate is somewhere within it."""
    match definition:
        case Aggregate():
            return True
        case Transform(_, operand):
            return is_nested(operand)
        case Ratio(above, below):
            return is_nested(above) or is_nested(below)
    return False


def tables(definition: Definition | None) -> set[str]:
    """Return the tables it is made from; users are known from bills, so only columns of `users` need that table."""
    match definition:
        case SourceColumn(entity):
            return {entity}
        case LookUp(entity, operand):
            return {entity, operand.entity}
        case Transform(_, operand):
            return tables(operand)
        case Ratio(above, below):
            return tables(above) | tables(below)
        case Aggregate(_, _, child, operand):
            return {child} | tables(operand)
    return set()
