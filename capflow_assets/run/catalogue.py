"""The catalogue: every model that exists, found by looking, so that adding one file is all that a model takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import capflow_assets.models as package
from capflow_assets.contract.model import ANSWERS, Model

ENTRY_POINT_GROUP = "capflow.models"
_SAID_BY_EVERY_MODEL = ("name", "title", "description", "family", "task", "method", "metric", "baseline_name")


def models() -> dict[str, Model]:
    """Every model by name, sorted: those in capflow_assets.models and those that other packages offer.

    Another package offers a Model subclass as an entry point of the group `capflow.models`. Raises ValueError for
    an entry point that does not load, a model that does not say what it is, and two models of the same name.
    """
    return dict(_found())


@cache
def _found() -> dict[str, Model]:
    found: dict[str, Model] = {}
    for kind, place in [*_own(), *_offered()]:
        _check(kind, place)
        if kind.name in found:
            raise ValueError(
                f"Two models are called {kind.name!r}: {type(found[kind.name]).__module__} and {place}. Rename one."
            )
        found[kind.name] = kind()
    return dict(sorted(found.items()))


def from_file(path: Path) -> Model:
    """The model that a Python file holds, whether or not it is in the catalogue.

    A file in a package is imported as the package's module. Raises ValueError for a file that does not load, and for
    one that holds no complete Model or several.
    """
    file, parts = path.resolve(), [path.stem]
    root = file.parent
    while (root / "__init__.py").exists():
        parts, root = [root.name, *parts], root.parent
    name = ".".join(parts)
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"{path} does not load: {error!r}.") from error
    finally:
        sys.path.remove(str(root))
    if Path(module.__file__ or "").resolve() != file:
        raise ValueError(f"{path} cannot be loaded: another module is called {name} ({module.__file__}). Rename it.")
    kinds = list(_in(module))
    if len(kinds) != 1:
        told = ", ".join(kind.__name__ for kind in kinds) or "none"
        raise ValueError(f"{path} must hold one complete Model with outcome, fit, predict and baseline; found {told}.")
    _check(kinds[0], str(path))
    return kinds[0]()


def _in(module: ModuleType) -> Iterator[type[Model]]:
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, Model) and kind.__module__ == module.__name__ and not inspect.isabstract(kind):
            yield kind


def _own() -> Iterator[tuple[type[Model], str]]:
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.ispkg:  # what several models share
            continue
        for kind in _in(importlib.import_module(module.name)):
            yield kind, module.name


def _offered() -> Iterator[tuple[type[Model], str]]:
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        yield _load(point), _place(point)


def _place(point: EntryPoint) -> str:
    owner = f" of {point.dist.name}" if point.dist else ""
    return f"entry point {point.name} = {point.value}{owner}"


def _load(point: EntryPoint) -> type[Model]:
    try:
        kind = point.load()
    except Exception as error:
        raise ValueError(
            f"The model of {_place(point)} does not load: {error!r}. Repair or uninstall that package."
        ) from error
    if not (inspect.isclass(kind) and issubclass(kind, Model)) or inspect.isabstract(kind):
        raise ValueError(
            f"{_place(point)} is not a complete Model: it must name a subclass of capflow_assets.contract.model.Model "
            "with outcome, fit, predict and baseline."
        )
    return kind


def _check(kind: type[Model], place: str) -> None:
    silent = [word for word in _SAID_BY_EVERY_MODEL if not isinstance(getattr(kind, word, None), str)]
    if silent:
        raise ValueError(f"The model {kind.__name__} of {place} does not set {', '.join(silent)}.")
    if kind.task not in ANSWERS:
        raise ValueError(
            f"The model {kind.name!r} of {place} has the task {kind.task!r}; allowed: {', '.join(ANSWERS)}."
        )
