"""Every registry test runs on SQLite and on a real PostgreSQL."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Registry


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
