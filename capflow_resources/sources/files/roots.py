"""The root: the folder or prefix that a customer's reads must not leave."""

from __future__ import annotations

import re
from pathlib import Path

from capflow_resources.sources.errors import file_name, source_error
from partitions.customer import Customer, Source


def check_root(customer: Customer, source: Source, place: str | Path) -> None:
    """Raise SourceError if `place`, a path or URI, is outside what this customer may read.

    That is `root` of the customer (the operator's CAPFLOW_ROOT, or else `root:` of its file); without either, the
    folder that a pattern starts with. Symbolic links are resolved first. A place that the customer file names literally
    needs no root.
    """
    root = customer.root or _pattern_folder(source.uri)
    if not root or (not customer.root and str(place) == source.uri):
        return
    if _is_inside(customer, str(place), root):
        return
    where = (
        f"'{customer.root}', the root of '{customer.name}'" if customer.root else f"{root}, where its pattern starts"
    )
    what = f"{local_path(customer, place) if is_local(str(place)) else place} is outside of {where}"
    remedy = f"Move the data there, or correct sources.{source.name}.uri or root in {file_name(customer)}."
    raise source_error(customer, source, what, remedy)


def is_local(place: str) -> bool:
    """Return whether `place` is on this machine: a path, or a file:// URI."""
    return "://" not in place or place.startswith("file://")


def local_path(customer: Customer, place: str | Path) -> Path:
    """Return the path of a local `place`; a relative one starts at the folder of the customer file."""
    base = customer.path.parent if customer.path else Path()
    return base / str(place).removeprefix("file://")


def literal_folder(uri: str) -> str:
    """Return the part of a pattern before its first folder or file with *, ? or [; "" if there is none."""
    fixed = re.split(r"[*?\[]", uri, maxsplit=1)[0]
    return fixed if fixed == uri else fixed.rpartition("/")[0] or ("/" if fixed.startswith("/") else "")


def _pattern_folder(uri: str) -> str:
    return (literal_folder(uri) or ".") if set("*?[") & set(uri) else ""


def _is_inside(customer: Customer, place: str, root: str) -> bool:
    if is_local(place) != is_local(root):
        return False
    if is_local(place):
        return local_path(customer, place).resolve().is_relative_to(local_path(customer, root).resolve())
    if {".", ".."} & set(place.split("/")):
        return False
    return f"{place.rstrip('/')}/".startswith(f"{root.rstrip('/')}/")
