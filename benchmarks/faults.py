"""What the suite catches: seed faults one at a time, run the tests nearest to each, and print which test noticed.

    PYTHONPATH=. python benchmarks/faults.py [--at COMMIT] [--only WORD] [--seconds 300] [--part 1/2]

The faults are in benchmarks/faults.yaml. Each is put into a clone, never into this tree; `--part` shares them out over
processes. The exit code is 1 when a fault was not caught.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("capflow_assets", "capflow_resources", "partitions")


@dataclass(frozen=True)
class Fault:
    """One seeded fault: `old` becomes `new`; `tests` are the files of tests to run, nearest first, by name.

    After "::" a file's name may be followed by what pytest's -k takes.
    """

    name: str
    room: str
    old: str
    new: str
    tests: list[str]


FAULTS = tuple(Fault(**row) for row in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")))


def main() -> None:
    """Seed every fault in turn and print a row of the table for each."""
    options = _options()
    part, parts = map(int, options.part.split("/"))
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _git("clone", "-q", str(ROOT), str(tree), cwd=ROOT)
        _git("checkout", "-q", options.at, cwd=tree)
        print("| # | room | fault | caught | by | s |\n|---|---|---|---|---|---|")
        for number, fault in enumerate(FAULTS, 1):
            if number % parts != part % parts or (options.only not in fault.name and options.only != fault.room):
                continue
            began = monotonic()
            caught, by = _try(fault, tree, options.seconds)
            missed += caught != "yes"
            print(
                f"| {number} | {fault.room} | {fault.name} | {caught} | {by} | {monotonic() - began:.0f} |", flush=True
            )
    sys.exit(missed > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", default="HEAD")
    parser.add_argument("--only", default="")
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--seconds", type=float, default=300)
    return parser.parse_args()


def _try(fault: Fault, tree: Path, seconds: float) -> tuple[str, str]:
    """Whether a test fails with the fault in place, and which."""
    places = _places(fault.old, tree)
    if len(places) != 1 or places[0].read_text(encoding="utf-8").count(fault.old) != 1:
        return "not seeded", f"its text stands in {len(places)} files"
    path, text = places[0], places[0].read_text(encoding="utf-8")
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    try:
        compile(path.read_text(encoding="utf-8"), path, "exec")
        for asked in fault.tests:
            name, _, chosen = asked.partition("::")
            for file in sorted(tree.glob(f"tests/**/{name}")):
                caught, by = _run(file.relative_to(tree), chosen, tree, seconds)
                if caught != "no":
                    return caught, by
        return "no", ""
    finally:
        path.write_text(text, encoding="utf-8")


def _places(text: str, tree: Path) -> list[Path]:
    files = (path for package in PACKAGES for path in sorted((tree / package).rglob("*.py")))
    return [path for path in files if text in path.read_text(encoding="utf-8")]


def _run(file: Path, chosen: str, tree: Path, seconds: float) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", str(file)]
    command += ["-k", chosen] if chosen else []
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.setdefault("CAPFLOW_REAL_DATA", str(ROOT.parent / "shared" / "data"))
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return "not in time", str(file)
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.M)
    if failed:
        return "yes", f"`{failed[1].removeprefix('tests/')}`"
    return ("no", "") if done.returncode == 0 else ("error", (done.stdout + done.stderr).strip()[-200:])


def _git(*words: str, cwd: Path) -> None:
    subprocess.run(["git", *words], cwd=cwd, check=True)


if __name__ == "__main__":
    main()
