"""The contract suite runs for models that changed since they last passed all of it; `pytest -m long` runs the others.

    CAPFLOW_CONFORMING=1 pytest -n 2 --dist loadfile -m "long or not long" tests/models/test_contract.py

notes in tests/models/conforming.txt, for each model that passed every check, what its checks depend on: its code and
that of the suite, the contract, the pinned libraries and Python. Whatever of it changes, the gate runs the model again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from capflow_assets.run.catalogue import models
from capflow_assets.run.code_version import closure

ROOT = Path(__file__).resolve().parents[2]
SUITE = "test_contract.py"
FILE = Path(__file__).with_name("conforming.txt")
NOTED = os.environ.get("CAPFLOW_CONFORMING") == "1"

_passed: dict[str, bool] = {}


def depends_on(name: str) -> str:
    """Return a hash of all that can change the outcome of a model's checks."""
    files = closure("capflow_assets.conformance.checks", type(models()[name]).__module__)
    files |= {*(ROOT / "capflow_assets" / "contract").rglob("*.py"), ROOT / "constraints.txt"}
    digest = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform}".encode())
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def conforming() -> set[str]:
    """Return the models that are as they were when they passed every check."""
    rows = [line.split() for line in FILE.read_text(encoding="utf-8").splitlines()] if FILE.exists() else []
    return {name for name, noted in rows if name in models() and depends_on(name) == noted}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the checks of models that are known to conform as long."""
    suite = [item for item in items if item.path.name == SUITE and item.path.parent == Path(__file__).parent]
    known = conforming() if suite else set()
    for item in suite:
        if _model(item.nodeid) in known:
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.slow)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note whether every check of a model passed."""
    if f"models/{SUITE}::" in report.nodeid and (name := _model(report.nodeid)):
        _passed[name] = _passed.get(name, True) and report.passed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file, where asked to, in the process that heard of every check."""
    if NOTED and not hasattr(session.config, "workerinput"):
        rows = [f"{name} {depends_on(name)}\n" for name in sorted(_passed) if _passed[name]]
        FILE.write_text("".join(rows), encoding="utf-8")


def _model(nodeid: str) -> str:
    """Return the model that a check's parameters name, "" if they name none."""
    words = nodeid.rpartition("[")[2].rstrip("]").split("-")
    return next((word for word in words if word in models()), "")
