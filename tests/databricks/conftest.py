"""Customers whose engine is a Databricks workspace on loopback, and Dagster runs of them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from capflow_assets.graph.keys import key
from capflow_assets.graph.launch import open_instance
from capflow_assets.simulator import customer_file
from capflow_resources.home import Home
from capflow_resources.registry import LedgerEntry
from tests.conftest import ASKED, SHOP
from tests.databricks.workspace import TOKEN, Workspace, workspace
from tests.servers.s3 import S3

WHEEL = "/Volumes/main/capflow/wheels/capflow-0.1.0-py3-none-any.whl"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PASSWORD = "hunter2-of-the-registry"
USUAL = {
    "token": "${SHOP_TOKEN}",
    "libraries": WHEEL,
    "secret_scope": "capflow",
    "secrets": ", ".join(KEYS),
    "poll_seconds": 1,
    "timeout_seconds": 2,
}
OWN_CLUSTER = {"existing_cluster_id": "0123-456789-abcdef", "libraries": None, "secret_scope": None, "secrets": None}


@dataclass
class Installation:
    """A home whose lake, artefacts and registry the clusters of a workspace reach."""

    home: Home
    space: Workspace
    folder: Path

    def add(self, name: str, data: str = "sound", **options: object) -> None:
        """On-board a customer whose engine is the workspace; an option None is left out."""
        self.home.customers_folder.mkdir(parents=True, exist_ok=True)
        text = customer_file(replace(SHOP, name=name), "parquet", "${SHOP_DATA}/" + data).replace("models: all", ASKED)
        given = {option: value for option, value in {**USUAL, **options}.items() if value is not None}
        lines = [f"    {option}: {value!r}" for option, value in given.items()]
        engine = "\n".join(["engine:", "  kind: databricks", f"  url: {self.space.host}", "  options:", *lines, ""])
        kept = [line for line in text.splitlines(True) if not line.startswith("engine:")]
        (self.home.customers_folder / f"{name}.yaml").write_text("".join(kept) + engine)

    def outcomes(self, customer: str) -> dict[str, LedgerEntry]:
        """What the registry knows of a customer's assets."""
        return {one.asset: one for one in self.home.registry.ledger(customer)}

    def materialised(self, asset: str) -> set[str]:
        """The customers whose asset Dagster shows as made."""
        with open_instance(self.home) as storage:
            return set(storage.get_materialized_partitions(key(asset)))

    def files_with(self, text: str) -> list[str]:
        """The files of the installation, the lake, Dagster's storage and the workspace that hold a text."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes())
        return [str(path.relative_to(self.folder)) for path in found]


@contextmanager
def installation(folder: Path, shops: dict[str, Path], s3: S3, registry: str) -> Iterator[Installation]:
    """The lake and the artefacts lie in S3 and the registry in PostgreSQL; only the workspace is no real one.

    Dagster waits ten seconds for the last words of a run that died, and looks for them every second: less of both is
    enough here.
    """
    from dagster._core.pipes import utils

    bucket = s3.bucket()
    with pytest.MonkeyPatch.context() as patch, workspace(folder / "workspace") as space:
        for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "AWS_"))]:
            patch.delenv(name)
        environ = {
            "CAPFLOW_HOME": str(folder / "home"),
            "DAGSTER_HOME": str(folder / "home" / "dagster"),
            "CAPFLOW_LAKE": f"s3://{bucket}/lake",
            "CAPFLOW_ARTEFACTS": f"s3://{bucket}/artefacts",
            "CAPFLOW_REGISTRY": registry,
            "SHOP_TOKEN": TOKEN,
            "SHOP_DATA": str(shops["sound"].parent),
            **s3.environ,
        }
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.setattr(utils, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", 1)
        patch.setattr(utils, "DEFAULT_SLEEP_INTERVAL", 0.2)
        space.secrets = {name: environ[name] for name in (*KEYS, "CAPFLOW_REGISTRY")}
        space.cluster = {"DATABRICKS_RUNTIME_VERSION": "17.3", "HOME": str(folder), "CAPFLOW_THREADS": "2"}
        yield Installation(Home(folder / "home"), space, folder)


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, shop_data: dict[str, Path], s3: S3, postgres: str
) -> Iterator[Installation]:
    """One installation for the tests of a file."""
    pytest.importorskip("dagster_databricks", reason="pip install 'capflow[databricks]'")
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    registry = f"{postgres}/{name}".replace("@", f":{PASSWORD}@", 1)
    with installation(tmp_path_factory.mktemp("databricks"), shop_data, s3, registry) as made:
        yield made
