"""Every asset of a customer in the order of computation: what it reads, and the door that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import NotAvailable, Outcome
from capflow_assets.run.catalogue import BrokenPlugin, broken_plugins, embeddings, feature_sets, models
from capflow_assets.run.customer_run import DERIVED, CustomerRun
from partitions.canonical import CANONICAL_COLUMNS

REPORT = "validation/report"
LAYERS = ("raw", "validated", "validation", "features", "model", "prediction", "performance")
MODEL_LAYERS = ("model", "prediction", "performance")
DOORS = {
    "raw": "capflow_assets.raw.asset:load",
    "validated": "capflow_assets.validated.asset:validate",
    "validation": "capflow_assets.validation.asset:judge",
    "features": "capflow_assets.features.asset:build",
    "model": "capflow_assets.training.asset:train",
    "prediction": "capflow_assets.prediction.asset:predict",
    "performance": "capflow_assets.performance.asset:measure",
}
EMBEDDING_DOOR = "capflow_assets.features.embeddings.build:build"


class BrokenPluginError(Exception):
    """The plug-in that an asset is made by cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class Step:
    """One asset: the assets it reads, the door that makes it, and why its plug-in cannot be used, if so."""

    asset: str
    reads: tuple[str, ...]
    door: str
    broken: BrokenPlugin | None = None

    @property
    def layer(self) -> str:
        """The first part of the asset's name."""
        return self.asset.split("/")[0]

    @property
    def name(self) -> str:
        """The second part of the asset's name."""
        return self.asset.split("/")[1]

    def make(self, run: CustomerRun) -> Outcome:
        """Call the door for one customer; BrokenPluginError where its plug-in cannot be used."""
        if self.broken is not None:
            if self.broken.kind == "table" and self.name not in run.tables():
                raise NotAvailable(f"'{run.name}' does not send {self.name}")
            raise BrokenPluginError(str(self.broken))
        module, function = self.door.split(":")
        door: Callable[[CustomerRun, str], Outcome] = getattr(import_module(module), function)
        return door(run, self.asset)


@cache
def plan() -> dict[str, Step]:
    """Return every asset by name, each after all that it reads."""
    steps = [*_tables(), *_features()]
    for name, model in models().items():
        steps += _model(name, model)
    for plugin in broken_plugins("model"):
        steps += _broken_model(plugin)
    return {step.asset: step for step in steps}


def until(layer: str) -> list[str]:
    """Return the assets of `layer` and of every layer before it; ValueError names the layers if it is not one."""
    if layer not in LAYERS:
        raise ValueError(f"'{layer}' is not a layer: choose one of {', '.join(LAYERS)}")
    wanted = LAYERS[: LAYERS.index(layer) + 1]
    return [asset for asset, step in plan().items() if step.layer in wanted]


def upstream(assets: Iterable[str]) -> list[str]:
    """Return `assets` and everything that they are made from, in the order of computation."""
    wanted = set(assets)
    for asset in reversed(plan()):
        if asset in wanted:
            wanted |= set(plan()[asset].reads)
    return [asset for asset in plan() if asset in wanted]


def downstream(assets: Iterable[str]) -> set[str]:
    """Return everything that is made from `assets`, without `assets` themselves."""
    reached = set(assets)
    made = set()
    for asset, step in plan().items():
        if reached & set(step.reads):
            reached.add(asset)
            made.add(asset)
    return made


def _tables() -> list[Step]:
    broken = {plugin.name: plugin for plugin in broken_plugins("table")}
    steps = [Step(f"raw/{table}", (), DOORS["raw"]) for table in CANONICAL_COLUMNS]
    for table in CANONICAL_COLUMNS:
        derived = (f"validated/{DERIVED[table]}",) if table in DERIVED else ()
        reads = (f"raw/{table}", *derived)
        steps.append(Step(f"validated/{table}", reads, DOORS["validated"], broken.get(table)))
    return [*steps, Step(REPORT, tuple(f"validated/{table}" for table in CANONICAL_COLUMNS), DOORS["validation"])]


def _features() -> list[Step]:
    steps = [
        Step(f"features/{name}", (*(f"validated/{table}" for table in chosen.reads), REPORT), DOORS["features"])
        for name, chosen in feature_sets().items()
    ]
    steps += [
        Step(f"features/{name}", (f"validated/{chosen.table}", REPORT), EMBEDDING_DOOR)
        for name, chosen in embeddings().items()
    ]
    broken = broken_plugins("feature set")
    return steps + [Step(f"features/{plugin.name}", (REPORT,), DOORS["features"], plugin) for plugin in broken]


def _model(name: str, model: Model) -> list[Step]:
    tables = tuple(f"validated/{table}" for table in (*model.tables, *model.optional_tables))
    data = (*(f"features/{chosen}" for chosen in model.features), *tables, REPORT)
    return [
        Step(f"model/{name}", data, DOORS["model"]),
        Step(f"prediction/{name}", (f"model/{name}", *data), DOORS["prediction"]),
        Step(f"performance/{name}", (f"prediction/{name}", *tables, REPORT), DOORS["performance"]),
    ]


def _broken_model(plugin: BrokenPlugin) -> list[Step]:
    """Keep the assets of a model that cannot be used: its history stays in sight, and its reason is shown."""
    name = plugin.name
    return [
        Step(f"model/{name}", (REPORT,), DOORS["model"], plugin),
        Step(f"prediction/{name}", (f"model/{name}", REPORT), DOORS["prediction"], plugin),
        Step(f"performance/{name}", (f"prediction/{name}", REPORT), DOORS["performance"], plugin),
    ]
