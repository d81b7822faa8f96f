"""The README's main job as a new user meets it: demo, resume, mend, run, deliver."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.run.catalogue import models
from capflow_resources.home import Home
from tests.worlds.accounts import accounted, audit_of

SURE = ("cltv", "product_affinity", "rfm_segments")
COMMANDS = {
    "smaller": [sys.executable, "-m", "tests.worlds.smaller_demo"],
    "shipped": [sys.executable, "-c", "from capflow_assets.cli import main; main()"],
}
REPOSITORY = Path(__file__).resolve().parents[2]


class Terminal:
    """Runs `capflow` in a folder of its own."""

    def __init__(self, home: Path, command: list[str]) -> None:
        self.home = home
        self.command = command

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("CAPFLOW_HOME", "DAGSTER_HOME")}
        return subprocess.run(
            [*self.command, *words, "--home", str(self.home)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=1800,
            cwd=REPOSITORY,
        )

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json").stdout)

    def versions(self) -> dict[str, int]:
        """How many commits each table of the lake has."""
        logs = self.home.glob("lake/*/*/*/_delta_log")
        return {str(log.parent.relative_to(self.home)): len(list(log.glob("*.json"))) for log in logs}


@pytest.mark.timeout(3600)  # twice slower on a busy machine
@pytest.mark.parametrize(
    ("demo", "least_promoted"),
    [("smaller", 12), pytest.param("shipped", 20, marks=[pytest.mark.long, pytest.mark.slow])],
)
def test_demo_from_nothing_to_mended(demo: str, least_promoted: int, tmp_path: Path) -> None:
    capflow = Terminal(tmp_path / "home", COMMANDS[demo])
    first = capflow("demo")
    assert first.returncode == 3, first.stderr
    assert "set tables.line_items.drop_duplicates: true in customers/stride.yaml" in first.stdout
    assert f"capflow dev --home {capflow.home}" in first.stdout

    rows = capflow.json("status")
    customers = ("atelier", "brewbar", "stride")
    wants = {name: Home(capflow.home).customer(name).wants for name in customers}
    assert all(wants["brewbar"](model) for model in models())
    assert {(row["customer"], row["model"]) for row in rows} == {
        (customer, model) for customer in customers for model in models() if wants[customer](model)
    }
    assert {row["customer"] for row in rows if row["data"] == "blocked"} == {"stride"}
    for row in rows:
        if row["customer"] == "stride":
            assert row["champion"] is None
            assert "duplicate_share" in row["note"]
        elif row["champion"] is None:
            assert len(row["note"]) > 20, f"{row['customer']} / {row['model']} is missing without a reason"
        else:
            assert row["predictions"] > 0
            assert row["low"] <= row["value"] <= row["high"]
    promoted = {(row["customer"], row["model"]) for row in rows if row["champion"]}
    assert len(promoted) >= least_promoted, f"few models beat their baselines: {sorted(promoted)}"
    assert {(customer, model) for customer in ("atelier", "brewbar") for model in SURE} <= promoted

    written = capflow.versions()
    assert written
    assert capflow("demo").returncode == 3
    assert capflow.versions() == written, "a second demo redid what was fresh"

    file = capflow.home / "customers" / "stride.yaml"
    file.write_text(file.read_text().replace("  line_items:\n", "  line_items:\n    drop_duplicates: true\n"))
    mended = capflow("run", "--all")
    assert mended.returncode == 0, mended.stderr
    assert {row["data"] for row in capflow.json("status")} == {"passed"}
    assert capflow("demo").returncode == 0

    for customer in ("atelier", "brewbar", "stride"):
        for table in ("line_items", "bills", "users", "items", "contacts"):
            accounted(Home(capflow.home), customer, table)
    assert audit_of(Home(capflow.home), "stride", "line_items")["left_out"]["drop_duplicates"] > 1000

    out = tmp_path / "churn.csv"
    assert capflow("predictions", "stride", "churn", "--out", str(out)).returncode == 0
    with out.open(newline="") as lines:
        delivered = list(csv.DictReader(lines))
    assert all(0 <= float(row["score"]) <= 1 and row["reasons"] and row["customer"] == "stride" for row in delivered)
    assert len({row["user_id"] for row in delivered}) == len(delivered) > 100
