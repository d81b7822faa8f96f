"""`capflow model`: a model is written in one command, checked in a process of its own, and in the UI at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from capflow_assets.conformance import isolated
from capflow_assets.conformance.checks import CHECKS
from capflow_assets.scaffold import KINDS

Capflow = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rule(capflow: Capflow, tmp_path: Path) -> Callable[[str, str], str]:
    """The path of a new model of the kind rule in which one text stands in place of another."""

    def written(old: str, new: str) -> str:
        assert capflow("model", "new", "overdue", "--kind", "rule", "--package", str(tmp_path / "shop"))[0] == 0
        path = tmp_path / "shop" / "overdue.py"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        return str(path)

    return written


def test_a_new_model_in_an_empty_folder_is_a_package_that_passes(capflow: Capflow, tmp_path: Path) -> None:
    code, out, _ = capflow("model", "new", "wine_club", "--kind", "forecaster", "--package", str(tmp_path / "shop"))
    assert code == 0
    assert "capflow model check" in out
    files = {str(path.relative_to(tmp_path / "shop")) for path in (tmp_path / "shop").rglob("*.*")}
    assert files == {"wine_club.py", "tests/test_wine_club.py", "pyproject.toml"}
    code, out, _ = capflow("model", "check", str(tmp_path / "shop" / "wine_club.py"))
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [isolated.LEARNS, *(check.__name__ for check in CHECKS)]
    assert {line.split()[0] for line in lines[:-1]} == {"ok"}
    assert lines[-1].startswith("wine_club: all passed; fit took ")


def test_a_model_that_breaks_the_contract_is_told_why(capflow: Capflow, rule: Callable[[str, str], str]) -> None:
    path = rule('"score": score, ', '"score": score + __import__("random").random() / 1000, ')
    code, out, _ = capflow("model", "check", path, "--json")
    assert code == 3
    told = json.loads(out)
    assert not told["passed"]
    assert told["model"] == "overdue"
    assert told["fit_cpu_seconds"] < told["limits"]["fit_cpu_seconds"]
    failed = {row["check"]: row["why"] for row in told["checks"] if row["status"] == "failed"}
    assert {"predict_changes_nothing", "survives_storage", "order_changes_nothing"} <= set(failed)
    assert "score" in failed["survives_storage"]
    assert "says_what_it_is" not in failed


def test_a_fit_that_hangs_is_ended_with_all_that_it_started(
    capflow: Capflow, rule: Callable[[str, str], str], tmp_path: Path
) -> None:
    started = tmp_path / "started"
    hanging = f"""
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open({str(started)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
        while True:
            time.sleep(1)
"""
    path = rule("        import pandas as pd\n\n        parts = [", hanging + "        parts = [")
    code, out, _ = capflow("model", "check", path, "--timeout", "15")
    assert code == 3
    assert f"FAILED   {isolated.LEARNS}: not done after 15 s" in out
    assert out.count("not run  ") == len(CHECKS)
    for pid in started.read_text().split():
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("os._exit(7)", "ended by itself"),
        ('raise RuntimeError("no tea left")', "RuntimeError: no tea left (overdue.py, line "),
    ],
)
def test_a_fit_that_ends_badly_is_told(
    capflow: Capflow, rule: Callable[[str, str], str], inside: str, told: str
) -> None:
    path = rule(
        "        import pandas as pd\n\n        parts = [", f"        import os\n        {inside}\n        parts = ["
    )
    code, out, _ = capflow("model", "check", path)
    assert code == 3
    assert told in out.splitlines()[0]
    assert out.splitlines()[1].startswith("not run  ")


def test_a_process_that_takes_too_much_memory_is_ended(
    capflow: Capflow, rule: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the memory of another process is seen on Linux alone")
    monkeypatch.setattr(isolated, "MOST_BYTES", 64 * 1024**2)
    code, out, _ = capflow("model", "check", rule("overdue", "overdue"))
    assert code == 3
    assert "MiB of memory; the limit of the whole process is 64 MiB" in out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Wine", "may hold only a-z, 0-9 and '_'"),
        ("wine-club", "may hold only a-z, 0-9 and '_'"),
        ("2wine", "starts with a letter"),
        ("wéin", "may hold only a-z"),
        ("../wine", "may hold only a-z"),
        ("lambda", "a word of Python itself"),
        ("w" * 41, "40 are enough"),
        ("churn", "there is a model 'churn' already"),
        ("random", "a module 'random' is installed already"),
        ("numpy", "a module 'numpy' is installed already"),
    ],
)
def test_a_bad_name_is_one_line(capflow: Capflow, tmp_path: Path, name: str, told: str) -> None:
    code, out, err = capflow("model", "new", name, "--kind", "rule", "--package", str(tmp_path / "shop"))
    assert code == 2
    assert out == ""
    assert told in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "shop").exists()


def test_nothing_is_overwritten(capflow: Capflow, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_wine_club.py").write_text("mine")
    code, _, err = capflow("model", "new", "wine_club", "--kind", "rule", "--package", str(tmp_path))
    assert code == 2
    assert "test_wine_club.py exists already" in err
    assert [path.name for path in tmp_path.rglob("*.py")] == ["test_wine_club.py"]
    assert (tmp_path / "tests" / "test_wine_club.py").read_text() == "mine"


def test_in_a_checkout_it_takes_its_place_beside_the_others(
    capflow: Capflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "capflow_assets" / "models").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    monkeypatch.chdir(tmp_path / "capflow_assets")
    code, out, _ = capflow("model", "new", "wine_club", "--kind", "torch")
    assert code == 0
    assert "capflow model check wine_club" in out
    assert 'name = "wine_club"' in (tmp_path / "capflow_assets" / "models" / "wine_club.py").read_text()
    test = (tmp_path / "tests" / "models" / "test_wine_club.py").read_text()
    assert "from capflow_assets.models.wine_club import WineClub" in test


def test_a_package_is_told_what_to_add(capflow: Capflow, tmp_path: Path) -> None:
    inner = tmp_path / "shop" / "models"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    code, out, _ = capflow("model", "new", "wine_club", "--kind", "rule", "--package", str(inner))
    assert code == 0
    assert '[project.entry-points."capflow.models"]\nwine_club = "shop.models.wine_club:WineClub"' in out
    assert "py-modules" not in out
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\n"
    assert "from shop.models.wine_club import WineClub" in (inner / "tests" / "test_wine_club.py").read_text()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("chrun", "no model 'chrun'; did you mean 'churn'?"),
        ("no_such.py", "there is no file no_such.py"),
        ("empty.py", "must hold one complete Model"),
        ("broken.py", "does not load: SyntaxError"),
    ],
)
def test_what_is_no_model_is_one_line(
    capflow: Capflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.py").touch()
    Path("broken.py").write_text("def")
    code, out, err = capflow("model", "check", target)
    assert code == 2
    assert out == ""
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_an_installed_model_is_in_the_ui_at_once(capflow: Capflow, tmp_path: Path) -> None:
    """Installed by pip into a folder of its own, from the pyproject.toml that `model new` wrote."""
    shop, site = tmp_path / "shop", tmp_path / "site"
    assert capflow("model", "new", "wine_club", "--kind", "rule", "--package", str(shop))[0] == 0
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--disable-pip-version-check", "--target", str(site), str(shop)], check=True, timeout=120)
    code = (
        "from capflow_assets.definitions import defs; from dagster import AssetKey as Key;"
        "keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()};"
        "print(sorted(key for key in keys if key.endswith('/wine_club')))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "['model/wine_club', 'performance/wine_club', 'prediction/wine_club']"


def test_the_list_is_grouped_by_family(capflow: Capflow) -> None:
    code, out, _ = capflow("model", "list")
    assert code == 0
    families = [line for line in out.splitlines() if not line.startswith(" ")]
    assert families == sorted(set(families))
    lines = out.splitlines()
    assert "  churn" in lines[lines.index("propensity") + 3]
    rows = json.loads(capflow("model", "list", "--json")[1])
    assert {row["family"] for row in rows} == set(families)
    assert all(row["method"] for row in rows)


def test_every_kind_is_offered(capflow: Capflow) -> None:
    code, _, err = capflow("model", "new", "wine_club", "--kind", "magic")
    assert code == 2
    assert all(f"'{kind}'" in err for kind in KINDS)
