"""What a change of code makes again, and what not: tried by changing files of a copy of CapFlow and running it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.run.test_older_home import HOME, SHOP

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("rfm_segments", "similar_items")
RUN = f"""
import json
from pathlib import Path
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_resources.home import Home
import os
run = CustomerRun(Home(Path(os.environ["CAPFLOW_HOME"])), "{SHOP}")
assets = upstream([f"performance/{{model}}" for model in {MODELS!r}] + ["features/basket", "features/newest"])
print(json.dumps({{o.asset: o.status for o in run_customer(run, assets)}}))
"""
ANOTHER_SET = """from dataclasses import replace

from capflow_assets.features.sets.rfm import RFM as _RFM

NEWEST = replace(_RFM, name="newest")
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, with a home that was run by it once."""
    folder = tmp_path_factory.mktemp("copy")
    for package in ("capflow_assets", "capflow_resources", "partitions"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    with tarfile.open(HOME) as archive:
        archive.extractall(folder / "home", filter="data")
    statuses(folder)
    return folder


def statuses(folder: Path) -> dict[str, str]:
    """The status of each asset after a run by the code in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "CAPFLOW_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-c", RUN], capture_output=True, text=True, cwd=folder, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def made(folder: Path) -> set[str]:
    """What a run makes again; everything else is reused, waiting or not available."""
    found = statuses(folder)
    assert not {asset: status for asset, status in found.items() if status in ("failed", "blocked")}
    return {asset for asset, status in found.items() if status == "done"}


def change(folder: Path, file: str) -> None:
    with (folder / file).open("a", encoding="utf-8") as source:
        source.write("# changed\n")


def test_without_a_change_nothing_is_made_again(copy: Path) -> None:
    assert made(copy) == set()


def test_a_feature_set_that_no_model_reads_trains_nothing(copy: Path) -> None:
    change(copy, "capflow_assets/features/sets/basket.py")
    assert made(copy) == {"features/basket"}


def test_a_new_feature_set_trains_nothing(copy: Path) -> None:
    (copy / "capflow_assets/features/sets/newest.py").write_text(ANOTHER_SET)
    assert made(copy) == {"features/newest"}


@pytest.mark.parametrize("file", ["training/dates.py", "training/fallback.py"])
def test_what_chooses_dates_and_falls_back_trains_every_model(copy: Path, file: str) -> None:
    change(copy, f"capflow_assets/{file}")
    assert {asset for asset in made(copy) if asset.startswith("model/")} == {f"model/{model}" for model in MODELS}


def test_a_model_s_own_file_trains_that_model(copy: Path) -> None:
    change(copy, "capflow_assets/models/rfm_segments.py")
    assert {asset for asset in made(copy) if "similar_items" in asset} == set()


def test_what_cannot_change_a_result_makes_nothing_again(copy: Path) -> None:
    for file in ("cli/main.py", "graph/sensors.py", "training/card/html.py", "run/status.py"):
        change(copy, f"capflow_assets/{file}")
    assert made(copy) == set()


def test_a_plugin_that_raises_at_import_fails_alone(copy: Path) -> None:
    broken = copy / "capflow_assets" / "models" / "unfinished.py"
    broken.write_text("raise RuntimeError('half written')\n")
    assert made(copy) == set()
    command = [sys.executable, "-c", "from capflow_assets.cli import main; main()", "model", "list"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, timeout=120
    )
    broken.unlink()
    lines = [line for line in done.stdout.splitlines() if "unfinished" in line]
    assert len(lines) == 1
    assert "RuntimeError('half written')" in lines[0]
    assert "churn" in done.stdout
