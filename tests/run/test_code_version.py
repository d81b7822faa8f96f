"""The code version of an asset is the import closure of its door and its plug-in, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from capflow_assets.run import code_version as versions
from capflow_assets.run.catalogue import feature_sets, models, plugin_module, tables
from capflow_assets.run.code_version import closure, code_version
from capflow_assets.run.plan import DOORS

ROOT = Path(__file__).resolve().parents[2]


def files(layer: str, *plugins: str) -> set[str]:
    door = DOORS[layer].split(":")[0]
    return {path.relative_to(ROOT).as_posix().removeprefix("capflow_assets/") for path in closure(door, *plugins)}


def of_model(layer: str, name: str) -> set[str]:
    return files(layer, plugin_module("model", name))


@pytest.mark.parametrize("layer", ["model", "prediction", "performance"])
def test_a_model_s_own_file_and_method_count_and_no_other_model_or_feature_set(layer: str) -> None:
    found = of_model(layer, "next_basket")
    assert {"models/next_basket.py", "methods/recommend/tifu_knn.py"} <= found
    assert {file for file in found if file.startswith("models/") and "/bases/" not in file} == {
        "models/__init__.py",
        "models/next_basket.py",
    }
    assert not [file for file in found if file.startswith("features/sets/") and not file.endswith("__init__.py")]


def test_what_chooses_dates_and_columns_and_falls_back_is_part_of_a_model() -> None:
    parts = {"training/dates.py", "training/fallback.py", "training/search/selection.py", "features/load.py"}
    assert parts <= of_model("model", "churn")


def test_a_feature_set_has_its_own_file_and_no_other_s() -> None:
    for name in feature_sets():
        found = files("features", plugin_module("feature set", name))
        assert f"features/sets/{name}.py" in found
        assert "features/snapshots.py" in found
    assert "features/sets/rhythm.py" not in files("features", plugin_module("feature set", "rfm"))


def test_a_table_has_its_own_file_and_no_other_s() -> None:
    for name in tables():
        found = files("validated", plugin_module("table", name))
        assert f"validated/tables/{name}.py" in found
    assert "validated/tables/reviews.py" not in files("validated", plugin_module("table", "users"))


def test_rooms_that_cannot_change_a_result_are_no_part_of_it() -> None:
    for name in models():
        found = of_model("model", name)
        apart = ("run/", "contract/", "graph/", "cli/", "training/card/", "../capflow_resources/")
        assert not [file for file in found if file.startswith(apart)], name
        assert not [file for file in found if file.startswith("validation/kpis/")], name


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package outside of CapFlow with a door that imports in every way that Python has."""
    place = tmp_path / f"outside_{abs(hash(tmp_path)) % 10**8}"
    (place / "deep").mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "deep" / "__init__.py").write_text("from .inner import VALUE\n")
    (place / "deep" / "inner.py").write_text("VALUE = 1\n")
    (place / "typed.py").write_text("class Typed: ...\n")
    (place / "late.py").write_text("import json\n")
    (place / "unread.py").write_text("")
    (place / "door.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from . import deep\n"
        "if TYPE_CHECKING:\n"
        f"    from {place.name}.typed import Typed\n"
        "def make():\n"
        f"    import {place.name}.late\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return place


def test_relative_late_and_package_imports_count_and_those_for_type_checkers_do_not(package: Path) -> None:
    found = {path.relative_to(package).as_posix() for path in closure(f"{package.name}.door")}
    assert found == {"__init__.py", "deep/__init__.py", "deep/inner.py", "late.py", "door.py"}


def test_one_byte_in_the_closure_changes_the_version_and_elsewhere_not(package: Path) -> None:
    def version() -> str:
        for cached in (versions.code_version, versions._imports, versions._file, versions._top_level):
            cached.cache_clear()
        return code_version(f"{package.name}.door")

    first = version()
    (package / "unread.py").write_text("# changed\n")
    (package / "typed.py").write_text("# changed\n")
    assert version() == first
    (package / "deep" / "inner.py").write_text("VALUE = 2\n")
    assert version() != first


def test_finding_the_closure_imports_nothing() -> None:
    code = (
        "import sys; from capflow_assets.run.code_version import code_version;"
        "code_version('capflow_assets.training.asset', 'capflow_assets.models.churn');"
        "print([m for m in sys.modules if m.startswith(('capflow_assets.training', 'capflow_assets.models'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
