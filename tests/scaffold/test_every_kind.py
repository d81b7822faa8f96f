"""Every kind of model that `capflow model new` writes keeps the contract as it is written, and so does its test."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from capflow_assets.conformance.checks import CHECKS
from capflow_assets.conformance.fitted import fitted
from capflow_assets.conformance.synthetic_shop import SyntheticShop, make_shop
from capflow_assets.run.catalogue import from_file
from capflow_assets.scaffold import KINDS, scaffold


@pytest.fixture(scope="module")
def small() -> SyntheticShop:
    return make_shop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of loose modules with a model of every kind."""
    package = tmp_path_factory.mktemp("every")
    for kind in KINDS:
        scaffold(f"every_{kind}", kind, package, package, ())
    return package


@pytest.mark.parametrize("kind", KINDS)
def test_it_conforms_and_passes_its_own_test(
    kind: str, folder: Path, small: SyntheticShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = KINDS[kind]
    if chosen.library and find_spec(chosen.library) is None:
        pytest.skip(f"needs capflow[{chosen.extra}]")
    model = from_file(folder / f"every_{kind}.py")
    learned = fitted(model, small)
    for check in CHECKS:
        check(learned)
    monkeypatch.syspath_prepend(str(folder / "tests"))
    own = import_module(f"test_every_{kind}")
    (expected,) = [
        value for name, value in vars(own).items() if name.startswith("test_") and name != "test_it_conforms"
    ]
    expected(learned)


def test_what_is_written_is_as_tidy_as_our_own_code(folder: Path, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    checkout = tmp_path / "checkout"
    (checkout / "capflow_assets" / "models").mkdir(parents=True)
    (checkout / "pyproject.toml").write_text((root / "pyproject.toml").read_text())
    for kind in KINDS:
        scaffold(f"every_{kind}", kind, None, checkout, ())
    ours = 'lint.isort.known-first-party = ["capflow_assets"]'
    for words in (["check", "--config", ours], ["format", "--check"]):
        told = subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=checkout, capture_output=True, text=True)
        assert told.returncode == 0, told.stdout
