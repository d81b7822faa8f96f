"""The catalogue finds models by looking, and says which third-party model is broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from capflow_assets.models.churn import Churn
from capflow_assets.run import catalogue

HEAVY = ("pandas", "numpy", "lightgbm", "sklearn", "scipy", "ibis", "matplotlib", "dagster")


class Windfall(Churn):
    """A model of another package."""

    name = "windfall"


class Nameless(Churn):
    """A model that forgot a word about itself."""

    metric = None  # type: ignore[assignment]


NOT_A_MODEL = {"name": "x"}


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    points: list[EntryPoint] = []
    monkeypatch.setattr(catalogue, "entry_points", lambda group: points if group == "capflow.models" else [])
    catalogue._found.cache_clear()
    yield points
    catalogue._found.cache_clear()


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "capflow.models")


def test_every_file_of_the_folder_that_holds_a_model_is_there() -> None:
    folder = Path(catalogue.package.__path__[0])
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
        "import capflow_assets.training.split, capflow_assets.validation.needs;"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


def test_another_package_can_offer_a_model(offered: list[EntryPoint]) -> None:
    offered.append(point("windfall", f"{__name__}:Windfall"))
    assert isinstance(catalogue.models()["windfall"], Windfall)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("no_such_package.models:Thing", "broken = no_such_package.models:Thing"),
        (f"{__name__}:Missing", "broken"),
        (f"{__name__}:NOT_A_MODEL", "not a complete Model"),
        (f"{__name__}:Nameless", "does not set metric"),
        (f"{__name__}:Churn", "Two models are called 'churn'"),
    ],
)
def test_a_broken_offer_is_an_error_that_names_it(offered: list[EntryPoint], value: str, told: str) -> None:
    offered.append(point("broken", value))
    with pytest.raises(ValueError, match="broken") as error:
        catalogue.models()
    assert told in str(error.value)
