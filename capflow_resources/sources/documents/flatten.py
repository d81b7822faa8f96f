"""Flattening of nested documents: objects become dotted columns, lists become JSON text or rows.

Every value is kept as text with its kind ("whole", "decimal", "time", ...), so that a column's type is chosen over all
documents and never over the first page. A number's text is exact: read as a double it gives the same double as a CSV
file with the same digits; a number that a double cannot hold stays text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

Document = Mapping[str, Any]
KindAndText = tuple[str, str | None]

NULL, WHOLE, LARGE, DECIMAL, TEXT, TIME, FLAG, BINARY, LIST = (
    "null",
    "whole",
    "large",  # whole, and beyond what a double can hold
    "decimal",
    "text",
    "time",
    "flag",
    "binary",
    "list",
)
KIND_WORDS = {WHOLE: "number", LARGE: "number", DECIMAL: "number", NULL: "empty", FLAG: "boolean"}
MAX_EXACT_FLOAT, MAX_INT64 = 2**53, 2**63 - 1
MAX_DIGITS = 400
_ABSENT = object()


class DocumentError(Exception):
    """A document that cannot be flattened; the message is one clause about it."""


@dataclass(frozen=True)
class Shape:
    """The columns taken from each document, by name: "address.city" is city in the object address.

    With `explode`, the name of a list, a document gives one row per entry of it: "lines.sku" is then sku of the entry,
    "lines" the entry itself if it is no object, and every other name belongs to the document.
    """

    columns: tuple[str, ...]
    explode: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The top-level fields to request: those that contain the columns, under every name they may have.

        A name with a dot may be a field of an object, or a field with a dot in its name.
        """
        names = (name for column in (*self.columns, self.explode) if column for name in _prefixes(column))
        return tuple(dict.fromkeys(names))

    def rows(self, documents: Iterable[Document]) -> list[list[Any]]:
        """Return the columns' values, one list per column, with a sentinel where a document lacks the field."""
        if not self.explode:
            return [[pick(document) for document in documents] for pick in self._pickers]
        pairs = [(document, entry) for document in documents for entry in self._entries(document)]
        columns = []
        for pick, inside in zip(self._pickers, self._is_in_entry, strict=True):
            columns.append([pick(entry if inside else document) for document, entry in pairs])
        return columns

    def extract(self, documents: Iterable[Document]) -> tuple[list[set[str]], list[list[str | None]]]:
        """Return, for each column, its values' kinds (none if no document has the field) and the values as text."""
        kinds, texts = [], []
        for values in self.rows(documents):
            found, written = _to_texts(values)
            kinds.append(found)
            texts.append(written)
        return kinds, texts

    def names(self, documents: Iterable[Document]) -> dict[str, str]:
        """Return every column of these documents, mapped or not, and what it holds: number, text, time, list, ..."""
        found: dict[str, set[str]] = {}
        for document in documents:
            _collect_names(document, "", self.explode, found)
        return {name: describe_kinds(kinds) for name, kinds in found.items()}

    @cached_property
    def _is_in_entry(self) -> list[bool]:
        return [name == self.explode or name.startswith(self.explode + ".") for name in self.columns]

    @cached_property
    def _pickers(self) -> list[Callable[[Any], Any]]:
        if not self.explode:
            return [_picker(name) for name in self.columns]
        return [
            _picker(name) if not inside else _entry_picker(name.removeprefix(self.explode)[1:])
            for name, inside in zip(self.columns, self._is_in_entry, strict=True)
        ]

    @cached_property
    def _list(self) -> Callable[[Any], Any]:
        return _picker(self.explode)

    def _entries(self, document: Document) -> Sequence[Any]:
        found = self._list(document)
        if found is _ABSENT or found is None:
            return ()
        return found if isinstance(found, (list, tuple)) else (found,)


def choose_type(kinds: Iterable[str]) -> str:
    """Return the Ibis type that holds every value of a column exactly; mixtures are text unless all are numbers."""
    found = set(kinds) - {NULL}
    if found and found <= {WHOLE, LARGE}:
        return "int64"
    if found and found <= {WHOLE, DECIMAL}:
        return "float64"
    one = {TIME: "timestamp('UTC')", FLAG: "boolean", BINARY: "binary"}
    return one.get(next(iter(found)), "string") if len(found) == 1 else "string"


def describe_kinds(kinds: Iterable[str]) -> str:
    """Return what a column holds, in one word: number, text, time, boolean, binary, list, mixed or empty."""
    words = {KIND_WORDS.get(kind, kind) for kind in kinds}
    words = words - {"empty"} or {"empty"}
    return words.pop() if len(words) == 1 else "mixed"


def _prefixes(name: str) -> list[str]:
    """Return the fields that "a.b.c" may be in, "a" or "a.b", and the name itself."""
    places = [index for index, letter in enumerate(name) if letter == "." and index]
    return [*(name[:index] for index in places), name]


def _picker(name: str) -> Callable[[Any], Any]:
    if "." not in name:
        return lambda document: document.get(name, _ABSENT)
    return lambda document: _single_value(name, list(_find_values(document, name)))


def _entry_picker(name: str) -> Callable[[Any], Any]:
    if not name:
        return lambda entry: entry
    pick = _picker(name)
    return lambda entry: pick(entry) if isinstance(entry, Mapping) else _ABSENT


def _find_values(document: Document, name: str) -> Iterable[Any]:
    for start in _prefixes(name):
        value = document.get(start, _ABSENT)
        if start == name and value is not _ABSENT:
            yield value
        elif isinstance(value, Mapping):
            yield from _find_values(value, name[len(start) + 1 :])


def _single_value(name: str, values: list[Any]) -> Any:
    if len(values) > 1:
        raise DocumentError(f"a document has two fields that are both '{name}': a name with a dot, and an object's")
    return values[0] if values else _ABSENT


def _collect_names(document: Document, prefix: str, explode: str, found: dict[str, set[str]]) -> None:
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            _collect_names(value, f"{name}.", explode, found)
        elif name == explode and isinstance(value, (list, tuple)):
            for entry in value:
                _collect_names(
                    entry if isinstance(entry, Mapping) else {explode: entry}, _prefix(entry, name), "", found
                )
        else:
            found.setdefault(name, set()).add(to_text(value)[0])


def _prefix(entry: Any, name: str) -> str:
    return f"{name}." if isinstance(entry, Mapping) else ""


def _to_texts(values: list[Any]) -> tuple[set[str], list[str | None]]:
    types = set(map(type, values))
    if types == {str}:
        return {TEXT}, values
    kinds: set[str] = set()
    texts: list[str | None] = []
    for value in values:
        if value is _ABSENT:
            texts.append(None)
            continue
        kind, text = to_text(value)
        kinds.add(kind)
        texts.append(text)
    return kinds, texts


def to_text(value: Any) -> KindAndText:
    """Return a value's kind and its text."""
    convert = _CONVERTERS.get(type(value))
    if convert is None:
        convert = next((_CONVERTERS[base] for base in type(value).__mro__ if base in _CONVERTERS), _other_text)
    return convert(value)


def _int_text(value: int) -> KindAndText:
    size = abs(value)
    if size < MAX_EXACT_FLOAT:
        return WHOLE, str(value)
    return (LARGE if size <= MAX_INT64 else TEXT), str(value)


def _float_text(value: float) -> KindAndText:
    # Without ".0": where a column mixes numbers and text, shopper 13085.0 must be the same as "13085".
    if value.is_integer() and abs(value) < MAX_EXACT_FLOAT:
        return DECIMAL, str(int(value))
    return DECIMAL, repr(value)


def _decimal_text(value: Decimal) -> KindAndText:
    if not value.is_finite():
        return DECIMAL, repr(float(value)) if not value.is_snan() else "nan"
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(value.adjusted()) > MAX_DIGITS:
        return TEXT, str(value)
    if exponent >= 0:
        return _int_text(int(value))
    text = format(value, "f")
    return (DECIMAL, text.rstrip("0").rstrip(".")) if Decimal(repr(float(value))) == value else (TEXT, text)


def _time_text(value: datetime) -> KindAndText:
    return (TIME if value.tzinfo else TEXT), value.isoformat()


def _json_text(value: Any) -> KindAndText:
    return LIST, json.dumps(_to_json_types(value), ensure_ascii=False)


def _to_json_types(value: Any) -> Any:
    """Return `value` in JSON's own types; numbers stay numbers where that keeps their digits."""
    if isinstance(value, Mapping):
        return {str(key): _to_json_types(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json_types(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind, text = to_text(value)
    if isinstance(value, Decimal) and text is not None and value.is_finite():
        return int(text) if kind in (WHOLE, LARGE) else float(text) if kind == DECIMAL else text
    return text


def _other_text(value: Any) -> KindAndText:
    return TEXT, str(value)


_CONVERTERS: dict[type, Callable[[Any], KindAndText]] = {
    type(None): lambda value: (NULL, None),
    str: lambda value: (TEXT, str(value)),
    bool: lambda value: (FLAG, "true" if value else "false"),
    int: _int_text,
    float: _float_text,
    Decimal: _decimal_text,
    datetime: _time_text,
    date: lambda value: (TEXT, value.isoformat()),
    bytes: lambda value: (BINARY, value.hex()),
    UUID: _other_text,
    dict: _json_text,
    list: _json_text,
    tuple: _json_text,
}
