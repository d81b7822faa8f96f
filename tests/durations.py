"""How long each file of tests took in the last run that noted it: what is slow, and what begins first.

CAPFLOW_DURATIONS=1 pytest -n 2 --dist loadfile        writes tests/durations.txt
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILE = TESTS / "durations.txt"
SLOW_SECONDS = 5.0
NOTED = os.environ.get("CAPFLOW_DURATIONS") == "1"

_spent: defaultdict[str, float] = defaultdict(float)


def known() -> dict[str, float]:
    """Return the seconds of each file, by its path below tests/."""
    rows = (line.split(maxsplit=1) for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name: float(seconds) for seconds, name in rows}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark long tests and those of slow files as slow, and put the longest files first.

    A worker that begins one of them last works alone.
    """
    seconds = known()
    for item in items:
        if seconds.get(_name(item), 0.0) > SLOW_SECONDS or item.get_closest_marker("long"):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: -seconds.get(_name(item), 0.0))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add what a test's set-up, call and tear-down took to its file."""
    _spent[report.nodeid.split("::")[0].removeprefix("tests/")] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file, where asked to, in the process that heard of every test."""
    if NOTED and not hasattr(session.config, "workerinput"):
        rows = sorted(_spent.items(), key=lambda row: -row[1])
        FILE.write_text("".join(f"{spent:.1f} {name}\n" for name, spent in rows), encoding="utf-8")


def _name(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
