"""Fixtures that every test may use."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from capflow_assets.cli import main
from capflow_assets.simulator import Retailer, customer_file, simulate, write
from capflow_resources.home import Home
from tests.durations import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tests.servers import running
from tests.servers import s3 as s3_server
from tests.worlds import predicted as predicted_world
from tests.worlds import prepared
from tests.worlds.once import made_once

Capflow = Callable[..., tuple[int, str, str]]

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real retailers' data; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CAPFLOW_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set CAPFLOW_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def s3() -> Iterator[s3_server.S3]:
    """An S3 server on loopback; each test makes a bucket of its own."""
    for package in ("moto", "flask_cors", "boto3"):
        pytest.importorskip(package, reason="no S3 server: pip install 'moto[s3]' flask flask-cors boto3")
    with s3_server.server() as running:
        yield running


postgres = pytest.fixture(scope="session")(running.postgres)
mariadb = pytest.fixture(scope="session")(running.mariadb)
dynamodb = pytest.fixture(scope="session")(running.dynamodb)
mongodb = pytest.fixture(scope="session")(running.mongodb)
couchdb = pytest.fixture(scope="session")(running.couchdb)
redis_server = pytest.fixture(scope="session")(running.redis_server)

small_data = pytest.fixture(scope="session")(prepared.small_data)
checked = pytest.fixture(scope="session")(prepared.checked)
without_bob = pytest.fixture(scope="session")(prepared.without_bob)
predicted = pytest.fixture(predicted_world.predicted)


MODELS = ("churn", "cltv", "product_affinity", "rfm_segments")  # the suite has many more, each tested on its own
ASKED = f"models: [{', '.join(MODELS)}]"
SHOP = Retailer("shop", "fashion", 300, date(2025, 5, 1), 549, seed=5, timezone="UTC")


@pytest.fixture(scope="session")
def shop_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of Parquet files of one small simulated retailer: "sound", and "doubled" with a file loaded twice."""

    def make(folder: Path) -> None:
        for name, defects in {"sound": (), "doubled": ("duplicated_load",)}.items():
            write(simulate(replace(SHOP, defects=defects)), "parquet", folder / name)

    folder = made_once(tmp_path_factory, "shops", make)
    return {name: folder / name for name in ("sound", "doubled")}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty installation; DAGSTER_HOME is put back after the test."""
    monkeypatch.setenv("CAPFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    return Home(tmp_path / "home")


@pytest.fixture
def capflow(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Capflow:
    """The command line in this process: `capflow("run", "--all")` gives its exit code, what it told, and its errors."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["capflow", *words])
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return run


@pytest.fixture
def onboard(home: Home, shop_data: dict[str, Path]) -> Callable[..., None]:
    """Write customer files: onboard("ann", bob="doubled") on-boards ann with sound data and bob with bad data."""

    def add(*sound: str, **others: str) -> None:
        home.customers_folder.mkdir(parents=True, exist_ok=True)
        for name, data in {**dict.fromkeys(sound, "sound"), **others}.items():
            text = customer_file(replace(SHOP, name=name), "parquet", str(shop_data[data]))
            text = text.replace("models: all", ASKED)
            (home.customers_folder / f"{name}.yaml").write_text(text, encoding="utf-8")

    return add
