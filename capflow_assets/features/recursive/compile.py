"""Compile definitions to one Ibis expression: bottom up, all aggregates of one table's rows in one grouping.

However many features there are, each link of relationships.py costs one group_by and one join.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.features.recursive.definitions import (
    Aggregate,
    Definition,
    LookUp,
    Ratio,
    SourceColumn,
    Transform,
    scale,
)
from capflow_assets.features.recursive.definitions import tables as tables_of
from capflow_assets.features.recursive.names import name
from capflow_assets.features.recursive.primitives import AGGREGATIONS, TRANSFORMS, Operand
from capflow_assets.features.recursive.relationships import ENTITIES, Link, children, parents
from capflow_assets.features.visits import day_number, day_number_of

if TYPE_CHECKING:
    import ibis

Tables = Mapping[str, "ibis.Table"]

_DAY, _FIRST, _LAST, _ROW = "day_", "is_first_", "is_last_", "row_"


def compile_features(definitions: Sequence[Definition], tables: Tables, as_of: datetime) -> ibis.Table:
    """Return `user_id` and one column per definition, for every identified shopper with a bill in `tables`.

    `tables` hold rows before `as_of` only. Counts and sums of a shopper without such rows are 0, all else is null; and
    so is every feature of a table that is not there.
    """
    import ibis

    there = [found for found in definitions if tables_of(found) <= set(tables)]
    bills = tables["bills"]
    shoppers = bills.filter(bills.user_id.notnull()).select("user_id").distinct()
    if wanted := sorted({column.name for column in _user_columns(there)}):
        shoppers = _join(shoppers, tables["users"].select("user_id", *wanted), "user_id")
    wide = _widen("users", shoppers, there, tables, as_of)
    values = {found: _value(found, wide, as_of) if found in there else ibis.null(dtype(found)) for found in definitions}
    return wide.select("user_id", *[value.cast(dtype(found)).name(name(found)) for found, value in values.items()])


def dtype(definition: Definition) -> str:
    """Return the Ibis type of a user's feature."""
    return AGGREGATIONS[definition.primitive].dtype if isinstance(definition, Aggregate) else "float64"


def _widen(entity: str, table: ibis.Table, wanted: Iterable[Definition], tables: Tables, as_of: datetime) -> ibis.Table:
    """Join to the rows of an entity what the wanted definitions need from other tables."""
    needed = dict.fromkeys(_with_operands(wanted))
    for link in children(entity):
        asked = [found for found in needed if isinstance(found, Aggregate) and found.child == link.child]
        if asked:
            table = _join(table, _group(link, asked, tables, as_of), link.key)
    for link in parents(entity):
        looked_up = [found for found in needed if isinstance(found, LookUp) and found.parent == link.parent]
        if looked_up:
            parent = tables[link.parent]
            said = {name(found): parent[found.operand.name] for found in looked_up}
            table = _join(table, parent.select(link.key, **said), link.key)
    return table


def _value(definition: Definition, table: ibis.Table, as_of: datetime) -> ibis.Value:
    """Return a definition's value on the widened rows of its entity."""
    match definition:
        case Transform(primitive, operand):
            return TRANSFORMS[primitive].express(_value(operand, table, as_of), as_of)
        case Ratio(above, below):
            whole = _value(below, table, as_of).cast("float64").nullif(0.0)
            return _value(above, table, as_of) / whole
        case Aggregate(_, primitive) if AGGREGATIONS[primitive].empty is not None:
            return table[name(definition)].fill_null(AGGREGATIONS[primitive].empty)
    return table[name(definition)]


def _with_operands(wanted: Iterable[Definition]) -> Iterable[Definition]:
    """Yield the definitions and what they are made of on the same row, operands first."""
    for found in wanted:
        if isinstance(found, Transform):
            yield from _with_operands([found.operand])
        elif isinstance(found, Ratio):
            yield from _with_operands([found.above, found.below])
        yield found


def _user_columns(definitions: Iterable[Definition]) -> Iterable[SourceColumn]:
    """Yield the columns of the users' own table."""
    return (found for found in _with_operands(definitions) if isinstance(found, SourceColumn))


def _group(link: Link, aggregates: Sequence[Aggregate], tables: Tables, as_of: datetime) -> ibis.Table:
    """Compute all aggregates of one child's rows in one grouping by the parent's key."""
    rows = tables[link.child]
    operands = [found.operand for found in aggregates if found.operand is not None]
    rows = _widen(link.child, rows.filter(rows[link.key].notnull()), operands, tables, as_of)
    rows = _with_moments(rows, link, {found.primitive for found in aggregates}, as_of)
    values = {name(found): _aggregate(found, rows, link, as_of) for found in aggregates}
    return rows.group_by(link.key).aggregate(**values)


def _with_moments(rows: ibis.Table, link: Link, primitives: set[str], as_of: datetime) -> ibis.Table:
    """Add when each row happened, if an aggregate needs it."""
    time = ENTITIES[link.child].time
    if time is None or not any(AGGREGATIONS[primitive].moments for primitive in primitives):
        return rows
    moment = rows[time]
    first, last = (edge.over(group_by=link.key) for edge in (moment.min(), moment.max()))
    return rows.mutate(
        **{
            _DAY: day_number(moment) - day_number_of(as_of),
            _FIRST: (moment == first).fill_null(False),
            _LAST: (moment == last).fill_null(False),
        }
    )


def _aggregate(definition: Aggregate, rows: ibis.Table, link: Link, as_of: datetime) -> ibis.Value:
    express = AGGREGATIONS[definition.primitive].express
    if definition.operand is None:
        return express(Operand(rows[link.key]))
    value, whole = _value(definition.operand, rows, as_of), scale(definition.operand)
    if not AGGREGATIONS[definition.primitive].moments:
        return express(Operand(value, whole))
    return express(Operand(value, whole, rows[_DAY], rows[_FIRST], rows[_LAST]))


def _join(left: ibis.Table, right: ibis.Table, key: str) -> ibis.Table:
    """Left-join the other columns of `right` by `key`."""
    other = right.rename(**{_ROW: key})
    return left.left_join(other, left[key] == other[_ROW]).drop(_ROW)
