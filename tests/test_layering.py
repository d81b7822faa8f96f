"""Imports run one way, heavy libraries wait until they are needed, and loading the code location is quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "partitions": {"partitions"},
    "capflow_resources": {"partitions", "capflow_resources"},
    "capflow_assets": {"partitions", "capflow_resources", "capflow_assets"},
}
DAGSTER_MAY_BE_IN = ("capflow_assets/graph/", "capflow_assets/definitions.py", "partitions/partition.py")
LATE = ("torch", "pyspark", "sentence_transformers", "mlflow", "lightgbm", "sklearn", "pandera", "matplotlib", "ibis")


def modules() -> list[Path]:
    return [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_imports_run_one_way() -> None:
    assert len(modules()) > 50
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules()
        for name in imported(path) & set(MAY_IMPORT)
        if name not in MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    ]
    assert wrong == []


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
