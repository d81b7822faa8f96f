"""Every registry test runs on SQLite and on a real PostgreSQL."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Registry
from tests.registry.postgres_server import programs, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running server, without a database's name."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'capflow[postgres]'")
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server: neither /usr/lib/postgresql/*/bin/initdb nor initdb in PATH")
    with server(binaries) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'registry.db'}"
    import psycopg

    url, name = request.getfixturevalue("postgres"), f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{url}/{name}"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """An empty folder for objects."""
    return ObjectStore(str(tmp_path / "objects"))


@pytest.fixture
def registry(database_url: str, store: ObjectStore) -> Iterator[Registry]:
    """An empty registry."""
    made = Registry(database_url, store)
    yield made
    made.close()
