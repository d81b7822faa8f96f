"""The schema: made on first use, cheap to check, the same as the tables in code, with a limit on every wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Registry, RegistryError
from capflow_resources.registry.database import Database
from capflow_resources.registry.migrate import HEAD, MIGRATIONS
from capflow_resources.registry.tables import tables
from tests.registry.registry_world import register

REPOSITORY = Path(__file__).resolve().parents[2]


def python(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_code_expects_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_the_tables_in_code(registry: Registry) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    registry.ledger()
    with registry._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables().metadata) == []


def test_importing_the_registry_imports_no_database_library() -> None:
    heavy = "{'sqlalchemy', 'alembic', 'obstore', 'pandas', 'dagster'}"
    assert python(f"import sys, capflow_resources.registry; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_a_current_registry_is_opened_without_alembic(database_url: str, registry: Registry, tmp_path: Path) -> None:
    register(registry)
    code = """if True:
        import sys
        from capflow_resources.objects import ObjectStore
        from capflow_resources.registry import Registry
        registry = Registry(sys.argv[1], ObjectStore(sys.argv[2]))
        print(len(registry.versions("giftco", "churn")), "alembic" in sys.modules)
    """
    assert python(code, database_url, str(tmp_path / "objects")) == "1 False"


def test_a_registry_of_a_newer_capflow_is_left_alone(database_url: str, registry: Registry, store: ObjectStore) -> None:
    registry.ledger()
    with registry._database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RegistryError, match=r"has schema 9999; this CapFlow knows .*\n.*upgrade this one"):
        Registry(database_url, store).ledger()


def test_every_wait_has_a_limit(database_url: str) -> None:
    database = Database(database_url)
    asked = (
        {"PRAGMA busy_timeout": 30_000, "PRAGMA journal_mode": "wal", "PRAGMA foreign_keys": 1}
        if database_url.startswith("sqlite")
        else {"SHOW statement_timeout": "30s", "SHOW lock_timeout": "30s"}
    )
    with database.reading() as connection:
        assert {query: connection.exec_driver_sql(query).scalar() for query in asked} == asked
    database.close()


def test_the_database_itself_refuses_a_champion_that_does_not_exist(registry: Registry) -> None:
    register(registry)
    with pytest.raises(RegistryError, match=r"(?i)foreign key"), registry._database.writing() as connection:
        connection.execute(tables().model.update().values(champion=7))
    assert registry.champion("giftco", "churn") is None


@pytest.mark.parametrize("url", ["", "registry.db", "sqlite://", "mysql://u:hunter2@host/db"])
def test_an_address_that_cannot_be_used_is_explained(url: str, store: ObjectStore) -> None:
    with pytest.raises(RegistryError, match=r"Write sqlite:////folder/registry.db or postgresql://") as caught:
        Registry(url, store).ledger()
    assert "hunter2" not in str(caught.value)


def test_an_unreachable_server_is_named_without_its_password(store: ObjectStore) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(RegistryError, match=r"postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/x failed") as caught:
        Registry("postgresql://me:hunter2@127.0.0.1:1/x", store).ledger()
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path, store: ObjectStore) -> None:
    (tmp_path / "registry.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(RegistryError, match=r"registry.db failed: file is not a database"):
        Registry(f"sqlite:///{tmp_path}/registry.db", store).ledger()
