"""Item names: what an item is called in a reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis


def item_names(table: ibis.Table | None, items: Sequence[str]) -> list[str]:
    """Return the description of each item if the retailer has one (`table` is items, or None), else its id."""
    if table is None:
        return list(items)
    told = table.filter(table.description.notnull()).group_by("item_id").aggregate(name=table.description.min())
    names = dict(told.execute()[["item_id", "name"]].itertuples(index=False, name=None))
    return [" ".join(str(names.get(item, item)).split()) or item for item in items]
