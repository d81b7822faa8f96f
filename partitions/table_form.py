"""`tables` in a customer file: which source and which columns fill each canonical table, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from partitions.canonical import (
    CANONICAL_COLUMNS,
    NUMBER_COLUMNS,
    REQUIRED_COLUMNS,
    TIME_COLUMNS,
    attribute_column,
)
from partitions.customer import ColumnMapping, Incremental, ReturnRule, Source, TableMapping
from partitions.form import Form
from partitions.hints import did_you_mean
from partitions.source_kinds import SourceKind

Sources = Mapping[str, Source]
CheckTimezone = Callable[[Form, Node | None, str], None]

EPOCH_FORMATS = ("epoch_seconds", "epoch_milliseconds")
INCREMENTAL_KEYS = ("watermark", "lateness_days", "lateness", "key", "full_every_days")
_RETURNS = re.compile(r"\s*starts with (?P<prefix>.+?) in (?P<column>\w+)\s*")


def read_tables(
    form: Form,
    node: Node | None,
    sources: Sources,
    kinds: Mapping[str, SourceKind],
    check_timezone: CheckTimezone,
) -> dict[str, TableMapping]:
    """Return the mappings of all canonical tables of a customer file; mistakes are noted in `form`."""
    entries = form.entries(node, "tables", CANONICAL_COLUMNS)
    if node is not None and "line_items" not in entries:
        form.note(node, "tables.line_items is missing; it is the one table that every customer needs")
    return {table: _table(form, table, entry, sources, kinds, check_timezone) for table, entry in entries.items()}


def _table(
    form: Form,
    table: str,
    node: Node,
    sources: Sources,
    kinds: Mapping[str, SourceKind],
    check_timezone: CheckTimezone,
) -> TableMapping:
    where = f"tables.{table}"
    keys = form.entries(node, where, _keys_of(table))
    source = _source(form, keys.get("source"), node, where, sources)
    unmapped = _columns_of_source(table, sources.get(source), kinds)
    columns = _columns(form, keys.get("columns"), node, table, unmapped, check_timezone)
    options = _options(form, keys, node, where, sources.get(source), kinds)
    return TableMapping(
        table=table,
        source=source,
        columns=columns,
        attributes=_attributes(form, keys.get("attributes"), where),
        returns=_returns(form, keys.get("returns"), where, columns),
        drop_items=form.texts(keys.get("drop_items"), f"{where}.drop_items"),
        drop_duplicates=form.flag(keys.get("drop_duplicates"), f"{where}.drop_duplicates"),
        options=options,
        incremental=_incremental(form, keys.get("incremental"), f"{where}.incremental", columns),
    )


def _keys_of(table: str) -> tuple[str, ...]:
    keys = ["source", "table", "explode", "columns", "drop_duplicates", "distinct", "allow_empty", "incremental"]
    if table == "line_items":
        keys.append("returns")
    if "item_id" in CANONICAL_COLUMNS[table]:
        keys.append("drop_items")
    if table == "users":
        keys.append("attributes")
    return tuple(keys)


def _source(form: Form, node: Node | None, table: Node, where: str, sources: Sources) -> str:
    if node is None:
        form.note(table, f"{where} has no 'source'; add 'source: ...' with one of the names under sources")
    name = form.text(node, f"{where}.source")
    if name and name not in sources:
        form.note(node, f"unknown source '{name}' under {where}{did_you_mean(name, sources)}")
    return name


def _options(
    form: Form,
    keys: Mapping[str, Node],
    table: Node,
    where: str,
    source: Source | None,
    kinds: Mapping[str, SourceKind],
) -> dict[str, Any]:
    kind = kinds.get(source.kind) if source else None
    options: dict[str, Any] = {}
    if "table" in keys:
        options["table"] = form.text(keys["table"], f"{where}.table")
        if source and kind and not kind.holds_tables:
            form.note(keys["table"], f"{where}.table does not apply to a {source.kind} source; remove it")
    elif source and kind and kind.holds_tables:
        form.note(table, f"{where} has no 'table'; add 'table: ...' with the name it has in '{source.name}'")
    if "explode" in keys:
        options["explode"] = form.text(keys["explode"], f"{where}.explode")
        if source and kind and not kind.holds_documents:
            form.note(keys["explode"], f"{where}.explode does not apply to a {source.kind} source; remove it")
    for key in ("distinct", "allow_empty"):
        if key in keys:
            options[key] = form.flag(keys[key], f"{where}.{key}")
    return options


def _columns_of_source(table: str, source: Source | None, kinds: Mapping[str, SourceKind]) -> dict[str, ColumnMapping]:
    """Return the columns that a source has under CapFlow's own names: those of its kind, and those of its pattern."""
    kind = kinds.get(source.kind) if source else None
    if source is None or kind is None or not kind.columns:
        return {}
    names = (*kind.columns, *re.findall(r"\{(\w+)\}", str(source.options.get("pattern", ""))))
    return {name: ColumnMapping((name,)) for name in names if name in CANONICAL_COLUMNS[table]}


def _columns(
    form: Form,
    node: Node | None,
    table_node: Node,
    table: str,
    unmapped: dict[str, ColumnMapping],
    check_timezone: CheckTimezone,
) -> dict[str, ColumnMapping]:
    where = f"tables.{table}.columns"
    if node is None and not unmapped:
        form.note(table_node, f"tables.{table} has no 'columns'; add 'columns: {{...}}'")
        return {}
    entries = form.entries(node, where, CANONICAL_COLUMNS[table])
    for group in REQUIRED_COLUMNS[table]:
        if not any(name in entries or name in unmapped for name in group):
            form.note(node or table_node, f"{where} maps no {' or '.join(group)}, which {table} needs")
    mapped = {name: _column(form, name, entry, f"{where}.{name}", check_timezone) for name, entry in entries.items()}
    return {**unmapped, **mapped}


def _column(form: Form, name: str, node: Node, where: str, check_timezone: CheckTimezone) -> ColumnMapping:
    if not isinstance(node, MappingNode):
        return ColumnMapping(columns=_names(form, node, name, where))
    keys = form.entries(node, where, ("column", "value", "format", "timezone"))
    if ("column" in keys) == ("value" in keys):
        form.note(node, f"{where} must have either 'column' or 'value'")
        return ColumnMapping()
    if "value" in keys:
        for key in keys.keys() & {"format", "timezone"}:
            form.note(keys[key], f"{where}.{key} does not apply beside 'value'; remove it")
        value = form.scalar(keys["value"], f"{where}.value")
        if value is None:
            form.note(keys["value"], f"{where}.value is empty; leave the column out instead")
        return ColumnMapping(value=value)
    for key in keys.keys() & {"format", "timezone"}:
        if name not in TIME_COLUMNS:
            form.note(keys[key], f"{where}.{key} is only for times ({', '.join(sorted(TIME_COLUMNS))})")
    zone = form.text(keys.get("timezone"), f"{where}.timezone")
    check_timezone(form, keys.get("timezone"), zone)
    return ColumnMapping(
        columns=_names(form, keys["column"], name, where),
        format=_format(form, keys.get("format"), where),
        timezone=zone or None,
    )


def _names(form: Form, node: Node, name: str, where: str) -> tuple[str, ...]:
    if not isinstance(node, SequenceNode):
        text = form.text(node, where)
        return (text,) if text else ()
    names = form.texts(node, where)
    if not node.value:
        form.note(node, f"{where} lists no column")
    if name in NUMBER_COLUMNS and len(names) > 1:
        form.note(node, f"{where} is a number; several columns can only be joined as text")
    return names


def _format(form: Form, node: Node | None, where: str) -> str | None:
    pattern = form.text(node, f"{where}.format")
    if not pattern or pattern in EPOCH_FORMATS:
        return pattern or None
    if "%z" in pattern.lower():
        form.note(node, f"{where}.format cannot read time zones; ISO times with an offset need no format")
    elif not any(part in pattern for part in ("%Y", "%y", "%x", "%c")):
        form.note(node, f"{where}.format '{pattern}' has no year; write it like %m/%d/%Y %H:%M")
    else:
        try:
            datetime.strptime("", pattern)
        except ValueError as error:
            if "does not match" not in str(error):
                form.note(node, f"{where}.format '{pattern}' is wrong: {error}")
    return pattern


def _returns(form: Form, node: Node | None, where: str, columns: Mapping[str, ColumnMapping]) -> ReturnRule | None:
    text = form.text(node, f"{where}.returns")
    if not text:
        return None
    match = _RETURNS.fullmatch(text)
    if not match:
        form.note(node, f"{where}.returns '{text}' is not understood; write it like: \"starts with C in bill_id\"")
        return None
    if match["column"] not in columns:
        hint = did_you_mean(match["column"], columns)
        form.note(node, f"{where}.returns looks in '{match['column']}', which is not mapped{hint}")
    return ReturnRule(column=match["column"], prefix=match["prefix"])


def _attributes(form: Form, node: Node | None, where: str) -> tuple[str, ...]:
    names = form.texts(node, f"{where}.attributes")
    kept: dict[str, str] = {}
    for name in names:
        other = kept.setdefault(attribute_column(name), name)
        if other != name:
            form.note(node, f"{where}.attributes '{other}' and '{name}' would become the same column")
    return tuple(dict.fromkeys(names))


def _incremental(form: Form, node: Node | None, where: str, columns: Mapping[str, ColumnMapping]) -> Incremental | None:
    """Read how a table is read in increments, None when it is always read whole; `key` may name mapped `columns`."""
    if node is None:
        return None
    keys = form.entries(node, where, INCREMENTAL_KEYS)
    if "watermark" not in keys:
        form.note(node, f"{where} has no 'watermark'; add 'watermark: ...' with the source's column of times")
    if "lateness" in keys and "lateness_days" in keys:
        form.note(keys["lateness"], f"{where} has both 'lateness' (numbers) and 'lateness_days' (times); keep one")
    days = _number_from_0(form, keys, "lateness_days", where)
    return Incremental(
        watermark=form.text(keys.get("watermark"), f"{where}.watermark"),
        lateness_days=Incremental.lateness_days if days is None else days,
        lateness=_number_from_0(form, keys, "lateness", where),
        key=_key(form, keys.get("key"), f"{where}.key", columns),
        full_every_days=_number_from_0(form, keys, "full_every_days", where),
    )


def _number_from_0(form: Form, keys: Mapping[str, Node], key: str, where: str) -> float | None:
    if key not in keys:
        return None
    number = form.number(keys[key], f"{where}.{key}")
    if number < 0 or (number == 0 and key == "full_every_days"):
        form.note(keys[key], f"{where}.{key} must be {'above' if key == 'full_every_days' else 'at least'} 0")
    return number


def _key(form: Form, node: Node | None, where: str, columns: Mapping[str, ColumnMapping]) -> tuple[str, ...]:
    names = form.texts(node, where)
    for item in node.value if node is not None and names else ():
        name = item.value
        if name not in columns:
            form.note(item, f"{where} names '{name}', which is not mapped{did_you_mean(str(name), columns)}")
        elif not columns[name].columns:
            form.note(item, f"{where} names '{name}', which is the same on every row; name columns that differ")
    return tuple(dict.fromkeys(names))
