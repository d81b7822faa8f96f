"""Imports run one way, heavy libraries wait until they are needed, and loading the code location is quick."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("partitions", "capflow_resources", "capflow_assets")
DAGSTER_MAY_BE_IN = ("capflow_assets/graph/", "capflow_assets/definitions.py", "partitions/partition.py")
LATE = ("torch", "pyspark", "sentence_transformers", "mlflow", "lightgbm", "sklearn", "pandera", "matplotlib", "ibis")


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_rooms_import_only_what_lies_below_them() -> None:
    """The order is declared in pyproject.toml; imports for type checkers count."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    order = TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    order.prepare()  # raises CycleError with the modules of a cycle


def test_dagster_stays_in_its_folder() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if "dagster" in imported(path) and not str(path.relative_to(ROOT)).startswith(DAGSTER_MAY_BE_IN)
    ]
    assert wrong == []


@pytest.fixture(scope="module")
def loading() -> dict[str, str]:
    """What a new process tells after it has imported the code location."""
    code = (
        "import sys, time; import capflow_assets.definitions; "
        f"print(time.process_time()); print([m for m in {LATE!r} if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    for _ in range(2):  # the first writes bytecode
        told = subprocess.run(command, check=True, capture_output=True, cwd=ROOT, text=True, timeout=120)
    cpu, late = told.stdout.strip().splitlines()
    return {"cpu": cpu, "late": late}


def test_loading_imports_nothing_heavy(loading: dict[str, str]) -> None:
    assert loading["late"] == "[]"


def test_loading_takes_under_2_5_cpu_seconds(loading: dict[str, str]) -> None:
    assert float(loading["cpu"]) < 2.5
