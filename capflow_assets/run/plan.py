"""Every asset of a customer in the order of computation, what it reads, and the function that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Outcome
from capflow_assets.features import FEATURE_SETS
from capflow_assets.features import asset as features
from capflow_assets.features.embeddings import EMBEDDINGS
from capflow_assets.features.embeddings import build as embeddings
from capflow_assets.performance import asset as performance
from capflow_assets.prediction import asset as prediction
from capflow_assets.raw import asset as raw
from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import DERIVED, CustomerRun
from capflow_assets.training import asset as training
from capflow_assets.validated import asset as validated
from capflow_assets.validated.tables import TABLES
from capflow_assets.validation import asset as report

REPORT = "validation/report"
LAYERS = ("raw", "validated", "validation", "features", "model", "prediction", "performance")


@dataclass(frozen=True)
class Step:
    """One asset: the assets it reads and the function that makes it for one customer."""

    asset: str
    reads: tuple[str, ...]
    make: Callable[[CustomerRun, str], Outcome]

    @property
    def layer(self) -> str:
        """The first part of the asset's name."""
        return self.asset.split("/")[0]

    @property
    def name(self) -> str:
        """The second part of the asset's name."""
        return self.asset.split("/")[1]


@cache
def plan() -> dict[str, Step]:
    """Every asset by name; each comes after all that it reads."""
    steps = [*_tables(), *_features(), *_embeddings()]
    for name, model in models().items():
        steps += _model(name, model)
    return {step.asset: step for step in steps}


def until(layer: str) -> list[str]:
    """The assets of `layer` and of every layer before it; ValueError names the layers when it is not one."""
    if layer not in LAYERS:
        raise ValueError(f"'{layer}' is not a layer: choose one of {', '.join(LAYERS)}")
    wanted = LAYERS[: LAYERS.index(layer) + 1]
    return [asset for asset, step in plan().items() if step.layer in wanted]


def upstream(assets: Iterable[str]) -> list[str]:
    """`assets` and everything that they are made from, in the order of computation."""
    wanted = set(assets)
    for asset in reversed(plan()):
        if asset in wanted:
            wanted |= set(plan()[asset].reads)
    return [asset for asset in plan() if asset in wanted]


def downstream(assets: Iterable[str]) -> set[str]:
    """Everything that is made from `assets`, which are not part of it."""
    reached = set(assets)
    made = set()
    for asset, step in plan().items():
        if reached & set(step.reads):
            reached.add(asset)
            made.add(asset)
    return made


def _tables() -> list[Step]:
    steps = [Step(f"raw/{table}", (), raw.load) for table in TABLES]
    for table in TABLES:
        derived = (f"validated/{DERIVED[table]}",) if table in DERIVED else ()
        steps.append(Step(f"validated/{table}", (f"raw/{table}", *derived), validated.validate))
    return [*steps, Step(REPORT, tuple(f"validated/{table}" for table in TABLES), report.judge)]


def _features() -> list[Step]:
    return [
        Step(f"features/{name}", (*(f"validated/{table}" for table in chosen.reads), REPORT), features.build)
        for name, chosen in FEATURE_SETS.items()
    ]


def _embeddings() -> list[Step]:
    return [
        Step(f"features/{name}", (f"validated/{chosen.table}", REPORT), embeddings.build)
        for name, chosen in EMBEDDINGS.items()
    ]


def _model(name: str, model: Model) -> list[Step]:
    tables = tuple(f"validated/{table}" for table in (*model.tables, *model.optional_tables))
    data = (*(f"features/{chosen}" for chosen in model.features), *tables, REPORT)
    return [
        Step(f"model/{name}", data, training.train),
        Step(f"prediction/{name}", (f"model/{name}", *data), prediction.predict),
        Step(f"performance/{name}", (f"prediction/{name}", *tables, REPORT), performance.measure),
    ]
