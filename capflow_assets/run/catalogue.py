"""The plug-ins, found late and by name: models, feature sets, embeddings, tables.

One file in the folder of its kind is all that a plug-in takes; another package offers a model by an entry point of the
group `capflow.models`. A plug-in that cannot be used is listed by `broken_plugins` and never stops the others.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from capflow_assets.contract.embedding import Embedding
from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.contract.model import PREDICTED_COLUMNS, Model
from capflow_assets.contract.table import Table
from partitions.canonical import CANONICAL_COLUMNS
from partitions.hints import did_you_mean

ENTRY_POINT_GROUP = "capflow.models"
PACKAGES = {
    "table": "capflow_assets.validated.tables",
    "feature set": "capflow_assets.features.sets",
    "model": "capflow_assets.models",
}
REQUIRED_TEXTS = ("name", "title", "description", "family", "task", "method", "metric", "baseline_name")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
OWNER = re.compile(r"team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+")

Kind = Literal["table", "feature set", "model"]


@dataclass(frozen=True)
class BrokenPlugin:
    """A plug-in that cannot be used: its kind, the name by which it is listed, where it comes from, and why."""

    kind: Kind
    name: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.place}) cannot be used: {self.reason}"


@dataclass(frozen=True)
class _Found:
    """What a search found: plug-ins and the module of each, by name; and those that cannot be used."""

    plugins: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    broken: dict[str, BrokenPlugin] = field(default_factory=dict)


def models() -> dict[str, Model]:
    """Return every usable model by name, sorted: those in capflow_assets.models and those that other packages offer."""
    return dict(_models().plugins)


def feature_sets() -> dict[str, FeatureSet]:
    """Return every usable feature set by name, sorted."""
    return {name: plugin for name, plugin in _feature_plugins().plugins.items() if isinstance(plugin, FeatureSet)}


def embeddings() -> dict[str, Embedding]:
    """Return every usable embedding by name, sorted."""
    return {name: plugin for name, plugin in _feature_plugins().plugins.items() if isinstance(plugin, Embedding)}


def tables() -> dict[str, Table]:
    """Return every usable canonical table by name, in the order of `partitions.canonical`."""
    found = _tables().plugins
    return {name: found[name].TABLE for name in CANONICAL_COLUMNS if name in found}


def table_module(name: str) -> ModuleType:
    """Return the module of a canonical table (`TABLE`, `clean`, `DERIVED`); ValueError says why it cannot be used."""
    found = _tables()
    if name in found.broken:
        raise ValueError(str(found.broken[name]))
    module: ModuleType = found.plugins[name]
    return module


def plugin_module(kind: Kind, name: str) -> str:
    """Return the dotted name of the module that a usable plug-in comes from."""
    return _FINDERS[kind]().modules[name]


def broken_plugins(*kinds: Kind) -> list[BrokenPlugin]:
    """Return the plug-ins of these kinds (none named: of every kind) that cannot be used."""
    return [plugin for kind in kinds or _FINDERS for plugin in _FINDERS[kind]().broken.values()]


def from_file(path: Path) -> Model:
    """Return the model that a Python file holds, whether or not it is in the catalogue.

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
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path} does not load: {error!r}.") from error
    finally:
        sys.path.remove(str(root))
    if Path(module.__file__ or "").resolve() != file:
        raise ValueError(f"{path} cannot be loaded: another module is called {name} ({module.__file__}). Rename it.")
    kinds = list(_model_classes(module))
    if len(kinds) != 1:
        named = ", ".join(kind.__name__ for kind in kinds) or "none"
        raise ValueError(f"{path} must hold one complete Model with outcome, fit, predict and baseline; found {named}.")
    return _instance(kinds[0])


@cache
def _models() -> _Found:
    found = _search("model", _models_of_module)
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        _add(found, "model", point.name, _place(point), partial(_offered, point))
    return _sorted(found)


@cache
def _feature_plugins() -> _Found:
    return _sorted(_search("feature set", _feature_plugins_of_module))


@cache
def _tables() -> _Found:
    return _search("table", lambda module: [(module.TABLE.name, module, module.__name__)])


_FINDERS: Mapping[Kind, Callable[[], _Found]] = {
    "table": lambda: _tables(),
    "feature set": lambda: _feature_plugins(),
    "model": lambda: _models(),
}


def forget() -> None:
    """Search again at the next question: for tests, and after a plug-in was written."""
    for search in (_models, _feature_plugins, _tables):
        search.cache_clear()


Named = tuple[str, Any, str]
"""A plug-in's name, the plug-in, and the module that it comes from."""


def _search(kind: Kind, plugins_of: Callable[[ModuleType], Iterable[Named]]) -> _Found:
    """Look into every module of the kind's folder; packages in it are what several plug-ins share."""

    def load(module: str) -> Iterable[Named]:
        return plugins_of(importlib.import_module(module))

    found = _Found()
    package = importlib.import_module(PACKAGES[kind])
    for module in pkgutil.iter_modules(package.__path__, f"{PACKAGES[kind]}."):
        if not module.ispkg:
            _add(found, kind, module.name.rpartition(".")[2], module.name, partial(load, module.name))
    return found


def _add(found: _Found, kind: Kind, listed: str, place: str, load: Callable[[], Iterable[Named]]) -> None:
    """Add what `load` gives; what it raises makes one broken plug-in, listed by the file's or entry point's name."""
    try:
        for name, plugin, module in load():
            if name in found.plugins:
                raise ValueError(f"another {kind} is called {name!r} ({found.modules[name]}). Rename one")
            found.plugins[name], found.modules[name] = plugin, module
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split()) if isinstance(error, ValueError) else " ".join(repr(error).split())
        if listed in found.plugins:
            listed = f"{listed}_of_{re.sub(r'[^A-Za-z0-9]+', '_', place).strip('_')}"
        found.broken[listed] = BrokenPlugin(kind, listed, place, reason)


def _sorted(found: _Found) -> _Found:
    return _Found(dict(sorted(found.plugins.items())), found.modules, dict(sorted(found.broken.items())))


def _feature_plugins_of_module(module: ModuleType) -> Iterator[Named]:
    name = module.__name__.rpartition(".")[2]
    own = {id(value): value for value in vars(module).values() if getattr(value, "name", None) == name}
    plugins = [value for value in own.values() if isinstance(value, FeatureSet | Embedding)]
    if len(plugins) != 1:
        raise ValueError(f"the file must hold one FeatureSet or Embedding with the name {name!r}; found {len(plugins)}")
    yield name, plugins[0], module.__name__


def _models_of_module(module: ModuleType) -> Iterator[Named]:
    for kind in _model_classes(module):
        model = _instance(kind)
        yield model.name, model, module.__name__


def _model_classes(module: ModuleType) -> Iterator[type[Model]]:
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, Model) and kind.__module__ == module.__name__ and not inspect.isabstract(kind):
            yield kind


def _place(point: EntryPoint) -> str:
    owner = f" of {point.dist.name}" if point.dist else ""
    return f"entry point {point.name} = {point.value}{owner}"


def _offered(point: EntryPoint) -> list[Named]:
    try:
        kind = point.load()
    except (Exception, SystemExit) as error:
        raise ValueError(f"it does not load: {error!r}. Repair or uninstall that package") from error
    if not (inspect.isclass(kind) and issubclass(kind, Model)) or inspect.isabstract(kind):
        raise ValueError(
            "it is not a complete Model: it must name a subclass of capflow_assets.contract.model.Model "
            "with outcome, fit, predict and baseline"
        )
    model = _instance(kind)
    return [(model.name, model, kind.__module__)]


def _instance(kind: type[Model]) -> Model:
    """Return the model of a class; ValueError where it does not say what the platform needs to show and run it."""
    missing = [text for text in REQUIRED_TEXTS if not isinstance(getattr(kind, text, None), str)]
    if missing:
        raise ValueError(f"{kind.__name__} does not set {', '.join(missing)}")
    _require_name(kind.name)
    if kind.task not in PREDICTED_COLUMNS:
        raise ValueError(f"{kind.name} has the task {kind.task!r}; allowed: {', '.join(PREDICTED_COLUMNS)}")
    if not OWNER.fullmatch(kind.owner):
        raise ValueError(f"{kind.name} has the owner {kind.owner!r}: write team:NAME or an e-mail address")
    for attribute in ("unit", "tables", "optional_tables", "features"):
        value = getattr(kind, attribute)
        if isinstance(value, str) or not all(isinstance(one, str) for one in value):
            raise ValueError(f"{kind.name} has {attribute} = {value!r}: write a tuple of names")
    for table in (*kind.tables, *kind.optional_tables):
        if table not in CANONICAL_COLUMNS:
            raise ValueError(
                f"{kind.name} reads the table '{table}', which does not exist{did_you_mean(table, CANONICAL_COLUMNS)}"
            )
    known = (*_feature_plugins().plugins, *_feature_plugins().broken)
    for name in kind.features:
        if name not in known:
            raise ValueError(
                f"{kind.name} reads the feature set '{name}', which does not exist{did_you_mean(name, known)}"
            )
    return kind()


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"it is called {name!r}: a name has letters, digits and _ only, and begins with a letter")
