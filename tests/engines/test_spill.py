"""Customers that outgrow the memory at the same moment each keep to their own disk, and leave nothing there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from capflow_resources.engines.duckdb import spill_folder

REPOSITORY = Path(__file__).resolve().parents[2]
KEYS, ROWS = 1_500_000, 3_000_000
CODE = f"""
import sys
from pathlib import Path
from capflow_resources.engines import duckdb
name, spill, way = sys.argv[1:]
con = duckdb.connect(Path(spill)).con
keys = f"SELECT '{{name}} has a long key ' || (hash(i) % {KEYS}) AS key FROM range({ROWS}) r(i)"
counted = f"SELECT key, count(*) AS n FROM ({{keys}}) GROUP BY key"
print(con.execute(f"SELECT min(key), max(key), sum(n) FROM ({{counted}})").fetchone(), flush=True)
if way == "killed":
    con.execute(f"CREATE TEMP TABLE kept AS {{keys}} ORDER BY key")
    print("spilt" if list(Path(spill).rglob("*.tmp")) else "not spilt", flush=True)
    sys.stdin.read()
"""


def started(name: str, spill: Path, way: str = "ended") -> subprocess.Popen[str]:
    """A process that groups more keys than fit into its memory."""
    few = {**os.environ, "CAPFLOW_MEMORY": "130MB", "CAPFLOW_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    words, pipe = [sys.executable, "-c", CODE, name, str(spill), way], subprocess.PIPE
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=spill.parent, env=few)


def test_two_at_once_from_one_working_directory(tmp_path: Path) -> None:
    both = [started(name, tmp_path / "spill") for name in ("ann", "bob")]
    for name, process in zip(("ann", "bob"), both, strict=True):
        told, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        assert told.startswith(f"('{name} has a long key 0', '{name} has a long key 99999")
        assert told.endswith(f", {ROWS})\n")
    assert list((tmp_path / "spill").iterdir()) == []
    assert not (tmp_path / ".tmp").exists()


def test_what_a_killed_process_left_goes_with_the_next_connection(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    process = started("ann", spill, "killed")
    assert process.stdout is not None
    process.stdout.readline()
    assert process.stdout.readline() == "spilt\n"
    kept = spill_folder(spill)
    assert list(spill.rglob("*.tmp")), "a process that lives keeps its files"
    process.kill()
    process.communicate(timeout=60)
    assert list(spill.rglob("*.tmp"))
    assert spill_folder(spill) != kept
    assert list(spill.iterdir()) == []
