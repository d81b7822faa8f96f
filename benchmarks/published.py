"""All our models on public data in one table: our number, the baseline's, the published one, and its source.

    PYTHONPATH=. python benchmarks/published.py [name of a benchmark ...]

Runs each of the benchmarks below in a process of its own and prints their rows together; what each prints by itself
goes to stderr. `implicit` and `mlxtend` are needed for two of them and are no dependency of CapFlow:
pip install --no-deps implicit mlxtend.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import machine
from row import FILE

BENCHMARKS = (
    "published_value",
    "published_propensity",
    "published_uplift",
    "published_media",
    "basket_rules",
    "recommenders",
)
LONGEST_SECONDS = 3600
COLUMNS = ("model", "data", "ours", "baseline", "published", "source")


def main() -> None:
    """Every benchmark, then the table; exit 1 when one of them failed."""
    folder, failed = Path(__file__).parent, []
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "rows"
        for name in sys.argv[1:] or BENCHMARKS:
            environment = {**os.environ, FILE: str(file)}
            command = [sys.executable, str(folder / f"{name}.py")]
            done = subprocess.run(command, env=environment, stdout=sys.stderr, timeout=LONGEST_SECONDS, check=False)
            failed += [name] if done.returncode else []
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for row in rows:
        print("| " + " | ".join(row[name] for name in COLUMNS) + " |")
    print(f"\n{machine()}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
