"""Each engine, started once; its tests run together, for a process holds one Spark at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import pytest

from tests.engines.engines import SPARK, duckdb, started


@pytest.fixture(scope="session", params=SPARK)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A connection to one engine after the other."""
    with started(request.param, tmp_path_factory.mktemp(request.param)) as con:
        con.named = request.param
        yield con


@pytest.fixture(scope="session")
def reference() -> ibis.BaseBackend:
    """DuckDB."""
    return duckdb()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Parquet files that every engine reads."""
    return tmp_path_factory.mktemp("files")
