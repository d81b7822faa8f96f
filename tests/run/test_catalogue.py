"""The catalogue finds models by looking, and says which third-party model is broken."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import capflow_assets.models
from capflow_assets.models.churn import Churn
from capflow_assets.run import catalogue

HEAVY = ("pandas", "numpy", "lightgbm", "sklearn", "scipy", "ibis", "matplotlib", "dagster")


class Windfall(Churn):
    """A model of another package."""

    name = "windfall"


class Nameless(Churn):
    """A model that forgot a word about itself."""

    metric = None  # type: ignore[assignment]


class Slash(Churn):
    name = "a/b"


class Nobodys(Churn):
    name = "nobodys"
    owner = "nobody"


class Mistyped(Churn):
    name = "mistyped"
    features = ("rythm",)


class NoTable(Churn):
    name = "no_table"
    tables = ("bils",)


class Wordy(Churn):
    name = "wordy"
    unit = "user_id"  # type: ignore[assignment]


class Exits(Churn):
    name = "exits"

    def __init__(self) -> None:
        raise SystemExit(1)


class Odd(Churn):
    """A model whose words about itself are no valid tag, and that predicts columns which nobody knows."""

    name = "odd"
    family = "odd: even, more"
    unit = ("brand", "colour")


NOT_A_MODEL = {"name": "x"}


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "capflow.models")


def test_every_file_of_the_folder_that_holds_a_model_is_there() -> None:
    folder = Path(capflow_assets.models.__path__[0])
    files = {path.stem for path in folder.glob("*.py") if f'    name = "{path.stem}"' in path.read_text()}
    assert set(catalogue.models()) == files
    assert {"churn", "cltv", "product_affinity", "rfm_segments"} <= files
    assert list(catalogue.models()) == sorted(catalogue.models())


def test_a_caller_cannot_change_the_catalogue() -> None:
    catalogue.models().clear()
    assert catalogue.models()


def test_looking_into_the_catalogue_imports_nothing_heavy() -> None:
    code = (
        "import sys; from capflow_assets.run.catalogue import models; models();"
        "from capflow_assets.training.evaluation import curves, metrics, promotion;"
        "import capflow_assets.training.split, capflow_assets.validation.needs.unmet;"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


def test_a_model_written_for_the_former_place_of_the_contract_still_loads() -> None:
    from capflow_assets.contract import model, snapshot
    from capflow_assets.models import base

    assert (base.Model, base.Needs, base.Snapshot) == (model.Model, model.Needs, snapshot.Snapshot)
    assert "base" not in catalogue.models()


def test_another_package_can_offer_a_model(offered: list[EntryPoint]) -> None:
    offered.append(point("windfall", f"{__name__}:Windfall"))
    assert isinstance(catalogue.models()["windfall"], Windfall)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_package.models:Thing", "No module named 'no_such_package'"),
        (f"{__name__}:Missing", "does not load"),
        (f"{__name__}:NOT_A_MODEL", "not a complete Model"),
        (f"{__name__}:Nameless", "does not set metric"),
        (f"{__name__}:Churn", "another model is called 'churn'"),
        (f"{__name__}:Slash", "called 'a/b'"),
        (f"{__name__}:Nobodys", "owner 'nobody'"),
        (f"{__name__}:Mistyped", "feature set 'rythm', which does not exist; did you mean 'rhythm'?"),
        (f"{__name__}:NoTable", "table 'bils', which does not exist; did you mean 'bills'?"),
        (f"{__name__}:Wordy", "unit = 'user_id': write a tuple of names"),
        (f"{__name__}:Exits", "SystemExit"),
    ],
)
def test_a_broken_offer_is_named_in_one_line_and_stops_no_other_model(
    offered: list[EntryPoint], value: str, reason: str
) -> None:
    offered.append(point("broken", value))
    assert {"churn", "cltv"} <= set(catalogue.models())
    (broken,) = catalogue.broken_plugins("model")
    assert broken.name == "broken"
    assert f"entry point broken = {value}" in str(broken)
    assert reason in str(broken)
    assert "\n" not in str(broken)


def test_the_assets_of_a_broken_model_stay_in_the_graph_with_its_reason(offered: list[EntryPoint]) -> None:
    from capflow_assets.graph.specs import asset_specs

    offered.append(point("broken", f"{__name__}:Missing"))
    specs = {"/".join(spec.key.path): spec for spec in asset_specs()}
    assert "does not load" in (specs["model/broken"].description or "")
    assert {"prediction/broken", "performance/broken", "model/churn"} <= set(specs)


def test_a_plugin_that_dagster_does_not_take_is_shown_with_the_reason(
    offered: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    from capflow_assets.graph.specs import asset_specs

    offered.append(point("odd", f"{__name__}:Odd"))
    monkeypatch.setattr(Odd, "extras", {"score": object()})
    specs = {"/".join(spec.key.path): spec for spec in asset_specs()}
    assert "odd" in catalogue.models()
    assert specs["model/odd"].tags["family"] == "odd__even__more"
    assert "cannot be shown" in (specs["prediction/odd"].description or "")
