"""Customers whose engine is Spark, end to end by `capflow run`: the same verdicts and the same rows as on DuckDB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import ibis
import pytest

from capflow_assets.run.customer_run import REPORT, VERDICT
from capflow_resources.home import Home
from tests.engines.compare import assert_equal_rows, rows
from tests.engines.engines import INTERPRETED, QUICK
from tests.servers.spark import require_java
from tests.worlds.small_world import on_board, simulated

CUSTOMERS = {"ann": "sound", "ann_on_spark": "sound", "bob": "doubled", "bob_on_spark": "doubled"}
MADE_ANEW = ("version", "judged_at", "customer", "fingerprint", "raw", "validated")
OPTIONS = {"spark.driver.extraJavaOptions": QUICK, "spark.sql.shuffle.partitions": 1, **INTERPRETED}
SPARK = f"engine: {{kind: spark, options: {json.dumps(OPTIONS)}}}"
MODELS = ("--model", "rfm_segments", "--model", "behaviour_segments")  # the latter for its features
CAPFLOW = [sys.executable, "-c", "from capflow_assets.cli import main; main()"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, subprocess.CompletedProcess[str]]]:
    """Two retailers on both engines, run together in a process of its own, which holds a Spark of its own."""
    require_java()
    folder = tmp_path_factory.mktemp("on_spark")
    home = Home(folder / "home")
    defects: dict[str, tuple[str, ...]] = {"sound": (), "doubled": ("duplicated_load",)}
    data = {kind: simulated(folder / kind, defects=found) for kind, found in defects.items()}
    for name, kind in CUSTOMERS.items():
        on_board(home, data[kind], name)
        file = home.customers_folder / f"{name}.yaml"
        file.write_text(file.read_text().replace("product_affinity", "behaviour_segments"))
        if name.endswith("on_spark"):
            file.write_text(file.read_text().replace("engine: duckdb", SPARK))
            assert "kind: spark" in file.read_text()
    words = ["run", "--all", *MODELS, "--until", "prediction", "--home", str(home.path)]
    environment = {**os.environ, "CAPFLOW_MEMORY": "1GB", "CAPFLOW_HOME": str(home.path), "DAGSTER_HOME": ""}
    told = subprocess.run([*CAPFLOW, *words], capture_output=True, text=True, env=environment, cwd=folder, timeout=900)
    yield home, told
    home.registry.close()


def test_the_run_tells_who_is_blocked_and_why(ran: tuple[Home, subprocess.CompletedProcess[str]]) -> None:
    home, told = ran
    assert told.returncode == 3, told.stderr
    lines = {line.partition(":")[0]: line.partition(":")[2] for line in told.stdout.splitlines() if ":" in line}
    for name in ("ann", "bob"):
        assert lines[f"{name}_on_spark"].replace("_on_spark", "") == lines[name]
    assert "blocked" in lines["bob_on_spark"]
    assert home.lake.version("bob_on_spark", "features/rfm") is None


@pytest.mark.parametrize("name", ["ann", "bob"])
def test_the_verdict_and_its_figures_are_the_same(
    ran: tuple[Home, subprocess.CompletedProcess[str]], name: str
) -> None:
    home, _ = ran
    found, expected = (_verdict(home, customer) for customer in (f"{name}_on_spark", name))
    assert found == expected
    assert expected["verdict"]["status"] == {"ann": "passed", "bob": "blocked"}[name]


def test_every_table_is_the_same(ran: tuple[Home, subprocess.CompletedProcess[str]]) -> None:
    home, _ = ran
    con = ibis.duckdb.connect(threads=1)
    folder = home.path / "lake" / "ann"
    assets = sorted(str(log.parent.relative_to(folder)) for log in folder.glob("*/*/_delta_log"))
    assert {"validated/bills", "features/rfm", "prediction/rfm_segments"} <= set(assets)
    for asset in assets:
        found, expected = (home.lake.read(customer, asset, con) for customer in ("ann_on_spark", "ann"))
        own = [column for column in ("customer",) if column in expected.columns]
        assert_equal_rows(rows(found.drop(*own)), rows(expected.drop(*own)))


def test_spark_s_own_files_are_what_the_lake_holds(ran: tuple[Home, subprocess.CompletedProcess[str]]) -> None:
    home, _ = ran
    lake = home.path / "lake"
    assert list((lake / "ann_on_spark" / "features").rglob("part-*.parquet"))
    assert not list(lake.rglob("*.crc"))
    assert not list(lake.rglob("_temporary"))
    assert not (home.path.parent / "spark-warehouse").exists()


def _verdict(home: Home, customer: str) -> dict[str, object]:
    verdict, report = (json.loads(home.lake.document(customer, name) or b"{}") for name in (VERDICT, REPORT))
    text = json.dumps({"verdict": _without(verdict), "report": _without(report)})
    found: dict[str, object] = json.loads(text.replace("_on_spark", ""))
    return found


def _without(document: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in document.items() if name not in MADE_ANEW}
