"""Run tests many times beside a load, to find those that fail now and then; the exit code is 1 when one did.

    PYTHONPATH=. python benchmarks/flakes.py [--rounds 50] [--load 2] [--workers 2] [-k WORDS] [FILE …]

Without FILE: the tests that run Dagster inside pytest's own process. Every failure's output is kept in --folder.
The race of two machines: `--rounds 20 -k two_machines tests/run/test_kill.py`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
IN_PROCESS = (
    "tests/graph/test_sensors.py",
    "tests/graph/test_events.py",
    "tests/graph/test_gate.py",
    "tests/onboarding/test_customer_add.py",
    "tests/cli/test_quarantine.py",
    "tests/cli/test_cli.py",
)
MEBIBYTES = 64  # that each process of the load turns over, so that caches are shared too


def main() -> None:
    """Run the rounds, print one line for each, then which tests failed how often."""
    options = _options()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="flakes-"))
    folder.mkdir(parents=True, exist_ok=True)
    load = [multiprocessing.Process(target=_burn, daemon=True) for _ in range(options.load)]
    for process in load:
        process.start()
    failed: Counter[str] = Counter()
    lost = 0
    try:
        for number in range(1, options.rounds + 1):
            began = monotonic()
            output, code = _round(options)
            names = re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.M)
            failed.update(names)
            lost += code != 0
            if code != 0:
                (folder / f"round-{number}.txt").write_text(output, encoding="utf-8")
            last = (output.strip().splitlines() or [""])[-1]
            print(f"{number}: {'ok' if code == 0 else 'FAILED'} in {monotonic() - began:.0f} s: {last}", flush=True)
    finally:
        for process in load:
            process.terminate()
    print(f"\n{lost} of {options.rounds} rounds failed beside a load of {options.load} ({machine()})")
    for name, times in failed.most_common():
        print(f"  {times} x {name}")
    if lost:
        print(f"their output: {folder}")
    sys.exit(lost > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", default=IN_PROCESS)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--load", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder")
    parser.add_argument("-k", dest="words", default="")
    return parser.parse_args()


def _round(options: argparse.Namespace) -> tuple[str, int]:
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(options.workers), "--dist", "loadfile", *options.files]
    command += ["-k", options.words] if options.words else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, done.returncode


def _burn() -> None:
    memory = bytearray(MEBIBYTES * 2**20)
    while True:
        for place in range(0, len(memory), 4096):
            memory[place] = (memory[place] + 1) % 256


if __name__ == "__main__":
    main()
