"""The `incremental` part of a table in a customer file: how to read only what is new."""

from __future__ import annotations

from collections.abc import Mapping

from yaml.nodes import Node

from partitions.customer import ColumnMapping, Incremental
from partitions.form import Form
from partitions.hints import did_you_mean

KEYS = ("watermark", "lateness_days", "lateness", "key", "full_every_days")


def read_incremental(
    form: Form, node: Node | None, where: str, columns: Mapping[str, ColumnMapping]
) -> Incremental | None:
    """How a table is read step by step, None when it is always read whole; mistakes are noted in `form`.

    `columns` are the table's mapped columns, which `key` may name.
    """
    if node is None:
        return None
    keys = form.entries(node, where, KEYS)
    if "watermark" not in keys:
        form.note(node, f"{where} has no 'watermark'; add 'watermark: ...' with the source's column of times")
    if "lateness" in keys and "lateness_days" in keys:
        form.note(keys["lateness"], f"{where} has both 'lateness' (numbers) and 'lateness_days' (times); keep one")
    days = _number(form, keys, "lateness_days", where)
    return Incremental(
        watermark=form.text(keys.get("watermark"), f"{where}.watermark"),
        lateness_days=Incremental.lateness_days if days is None else days,
        lateness=_number(form, keys, "lateness", where),
        key=_key(form, keys.get("key"), f"{where}.key", columns),
        full_every_days=_number(form, keys, "full_every_days", where),
    )


def _number(form: Form, keys: Mapping[str, Node], key: str, where: str) -> float | None:
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
