"""The version of the code that makes an asset: when that code changes, the asset is made again.

It is a hash of the files in the import closure of the asset's door and of its plug-in (a model, feature set, table),
late imports included, imports for type checkers not. The closure ends at the rooms that cannot change a result.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capflow_assets.contract.model import Model

TRAINING_DOOR = "capflow_assets.training.asset"
OWN_PACKAGES = ("capflow_assets", "capflow_resources", "partitions")
ENDS = (
    "partitions",  # what a customer file says is part of the fingerprint
    "capflow_resources",  # moves bytes
    "capflow_assets.contract",  # shapes
    "capflow_assets.run",  # order, gate, records
    "capflow_assets.training.card",  # shows a version
    "capflow_assets.training.evaluation.curves",
    "capflow_assets.validation.html",  # shows a report
    "capflow_assets.validation.page",
)
"""Modules and packages at which every import closure ends: they carry or show results."""

AVAILABILITY = ("capflow_assets.validation.needs.availability", "capflow_assets.validation.needs.unmet")
"""They decide whether something is made, not what: an end for every layer but validation, which reports it."""


@cache
def code_version(*modules: str) -> str:
    """Return twelve hex digits that change with any file in the import closure of `modules`.

    Modules of another distribution (a plug-in) contribute the files of their own top-level package that they import.
    """
    digest = hashlib.sha256()
    for path in sorted(closure(*modules)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def training_code(model: Model) -> str:
    """Return the version of the code that decides what a training of `model` gives."""
    return code_version(TRAINING_DOOR, type(model).__module__)


def closure(*modules: str) -> set[Path]:
    """Return the files that `modules` import, directly or not, up to `ENDS`; their own files are always part of it."""
    roots = {*OWN_PACKAGES, *(module.split(".")[0] for module in modules)}
    ends = ENDS if all(module.startswith("capflow_assets.validation") for module in modules) else ENDS + AVAILABILITY
    found: set[Path] = set()
    waiting = list(modules)
    seen = set(waiting)
    while waiting:
        path = _file(waiting.pop())
        if path is None or path in found:
            continue
        found.add(path)
        for name in _imports(path):
            if name not in seen and name.split(".")[0] in roots and not _is_in(name, ends):
                seen.add(name)
                waiting.append(name)
    return found


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def _imports(path: Path) -> frozenset[str]:
    """Return the dotted names that a file imports at run time, with the packages that contain them."""
    names: set[str] = set()
    for node in _run_time_nodes(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, path)
            names |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return frozenset(
        ".".join(parts[: n + 1]) for parts in (name.split(".") for name in names) for n in range(len(parts))
    )


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those under `if TYPE_CHECKING:`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield from _run_time_nodes(other)
        else:
            yield from _run_time_nodes(child)


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    """Return the absolute name of the module that an import names, relative ones resolved by the file's place."""
    if not node.level:
        return node.module or ""
    package = path.parent
    for _ in range(node.level - 1):
        package = package.parent
    parts: list[str] = [] if node.module is None else [node.module]
    while (package / "__init__.py").exists():
        parts.insert(0, package.name)
        package = package.parent
    return ".".join(parts)


@cache
def _file(module: str) -> Path | None:
    """Return the source file of a module without importing it; None for a name that is no module."""
    top, *rest = module.split(".")
    spec = _top_level(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin).resolve() if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *rest)
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path.resolve()
    return None


@cache
def _top_level(package: str) -> ModuleSpec | None:
    try:
        return find_spec(package)
    except (ModuleNotFoundError, ValueError):
        return None
