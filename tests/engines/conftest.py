"""The engine of a file of tests, started once; what it is compared with; and which cases it has to pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import pytest

from tests.engines.awkward import CASES
from tests.engines.engines import duckdb, started
from tests.servers.spark import require_java

pytest.register_assert_rewrite("tests.engines.every_table", "tests.engines.every_figure", "tests.engines.every_lake")
pytest.register_assert_rewrite("tests.engines.every_row")

# Spark cleans alike in a process and on a cluster: by Connect and there, the most awkward case stands for all.
FEW = ("line_items, all as text",)


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A connection to the engine that the file of tests names."""
    require_java()
    with started(request.module.ENGINE, tmp_path_factory.mktemp(request.module.ENGINE)) as con:
        yield con


@pytest.fixture(scope="session")
def reference() -> ibis.BaseBackend:
    """DuckDB."""
    return duckdb()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Parquet files that every engine reads."""
    return tmp_path_factory.mktemp("files")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each case of a raw table."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES if metafunc.module.ENGINE == "local" else FEW)
