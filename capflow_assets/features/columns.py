"""How feature columns are declared, and how whole numbers become the shares and averages that they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import Feature

if TYPE_CHECKING:
    import ibis


def count(name: str, description: str, phrase: str) -> Feature:
    """Return a feature that is a whole number."""
    return Feature(name, "int64", description, phrase)


def number(name: str, description: str, phrase: str) -> Feature:
    """Return a feature that is a number."""
    return Feature(name, "float64", description, phrase)


def share(part: ibis.Value, whole: ibis.Value) -> ibis.Value:
    """Return part / whole; null unless the whole is positive."""
    import ibis

    return part / ibis.ifelse(whole > 0, whole, ibis.null("int64"))


def is_spelled_as(column: ibis.Value, spellings: Sequence[str]) -> ibis.Value:
    """Return whether a text is one of `spellings`, ignoring case and outer blanks; False for null."""
    return column.strip().lower().isin(spellings).fill_null(False)


def join_each(table: ibis.Table, others: Sequence[ibis.Table], key: str = "user_id") -> ibis.Table:
    """Left-join each of `others` to `table` by `key`."""
    for other in others:
        table = table.left_join(other, key).drop(f"{key}_right")
    return table


def select_features(
    table: ibis.Table, key: Sequence[str], features: Sequence[Feature], computed: Mapping[str, ibis.Value]
) -> ibis.Table:
    """Select the key and the features in their order and types, each from `computed` or else from `table`."""
    values = [computed[f.name] if f.name in computed else table[f.name] for f in features]
    return table.select(*key, *[v.cast(f.dtype).name(f.name) for v, f in zip(values, features, strict=True)])
